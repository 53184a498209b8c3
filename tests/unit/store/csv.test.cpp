#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <string>

import repal.table;

namespace {

using repal::csv_number;
using repal::csv_text;

TEST(Csv, RowsAreLinesAndTheHeadIsTheFirst) {
    EXPECT_EQ(csv_text({{"task", "split"}, {"line", "train"}, {"lorenz", "test"}}),
              "task,split\nline,train\nlorenz,test\n");
}

TEST(Csv, EmptyFieldsStay) {
    EXPECT_EQ(csv_text({{"a", "", "c"}, {"", "", ""}}), "a,,c\n,,\n");
}

TEST(Csv, FieldsWithCommasQuotesOrLinesAreInQuotes) {
    EXPECT_EQ(csv_text({{"a,b", "c"}}), "\"a,b\",c\n");
    EXPECT_EQ(csv_text({{"a \"b\"", "c"}}), "\"a \"\"b\"\"\",c\n");
    EXPECT_EQ(csv_text({{"a\nb", "c\rd"}}), "\"a\nb\",\"c\rd\"\n");
}

TEST(Csv, OtherFieldsAreAsTheyAre) {
    EXPECT_EQ(csv_text({{" a ", "b;c", "it's", "\xc3\xa9"}}), " a ,b;c,it's,\xc3\xa9\n");
}

TEST(Csv, ANumberReadsBackAsTheSameDouble) {
    for (const double value : {0.1, 1.0 / 3, -1e300, std::numeric_limits<double>::denorm_min()})
        EXPECT_EQ(std::strtod(csv_number(value).c_str(), nullptr), value) << value;
}

TEST(Csv, ANumberIsAsShortAsItCanBe) {
    EXPECT_EQ(csv_number(0.1), "0.1");
    EXPECT_EQ(csv_number(2), "2");
}

TEST(Csv, WhatIsNoFiniteNumberIsEmpty) {
    EXPECT_EQ(csv_number({}), "");
    EXPECT_EQ(csv_number(std::numeric_limits<double>::quiet_NaN()), "");
    EXPECT_EQ(csv_number(-std::numeric_limits<double>::infinity()), "");
}

}  // namespace
