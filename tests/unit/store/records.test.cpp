#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

import repal.error;
import repal.file;
import repal.records;

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RecordFile : public testing::Test {
 protected:
    RecordFile() { std::filesystem::remove_all(folder_); }
    ~RecordFile() override { std::filesystem::remove_all(folder_); }

    std::vector<std::string> read() {
        std::vector<std::string> bodies;
        found_ = repal::read_records(file_, [&](std::string_view body) { bodies.emplace_back(body); });
        EXPECT_EQ(found_.whole, bodies.size());
        return bodies;
    }

    const std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("records-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    const std::filesystem::path file_ = folder_ / "in" / "states.part";
    repal::Records found_;
};

TEST_F(RecordFile, HasNoneUntilItIsThere) {
    EXPECT_THAT(read(), IsEmpty());
    EXPECT_EQ(found_.damaged_bytes, 0u);
}

TEST_F(RecordFile, HasWhatWasAppendedInOrder) {
    const std::string binary("repalrec\0\xff", 10);
    for (const std::string& body : {std::string("one"), std::string(), binary, std::string(100'000, 'x')})
        repal::append_record(file_, body);

    EXPECT_THAT(read(), ElementsAre("one", "", binary, std::string(100'000, 'x')));
    EXPECT_EQ(found_.damaged_bytes, 0u);
    EXPECT_EQ(found_.whole_bytes, std::filesystem::file_size(file_));
}

TEST_F(RecordFile, EveryCutAndEveryChangedByteOfTheLastRecordLeavesThoseBeforeIt) {
    repal::append_record(file_, "first");
    const std::uint64_t first_bytes = std::filesystem::file_size(file_);
    repal::append_record(file_, "second");
    const std::string whole = repal::read_file(file_);

    for (std::uint64_t at = first_bytes; at < whole.size(); ++at) {
        repal::write_file(file_, whole.substr(0, at));
        EXPECT_THAT(read(), ElementsAre("first")) << at;
        EXPECT_EQ(found_.damaged_bytes, at - first_bytes);
        std::string changed = whole;
        changed[at] ^= 1;
        repal::write_file(file_, changed);
        EXPECT_THAT(read(), ElementsAre("first")) << at;
        EXPECT_EQ(found_.damaged_bytes, whole.size() - first_bytes);
    }
}

TEST_F(RecordFile, GoesOnAfterWhatWasDamagedIsCutOff) {
    repal::append_record(file_, "first");
    repal::append_record(file_, "second");
    std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 1);
    read();
    repal::cut_records(file_, found_);

    repal::append_record(file_, "third");

    EXPECT_THAT(read(), ElementsAre("first", "third"));
    EXPECT_EQ(found_.damaged_bytes, 0u);
}

TEST_F(RecordFile, OfAnotherKindIsDamaged) {
    repal::write_file(file_, "a text that is long enough to have a head in it");
    EXPECT_THAT(read(), IsEmpty());
    EXPECT_EQ(found_.damaged_bytes, 47u);
}

TEST_F(RecordFile, ThatCannotBeWrittenIsNamed) {
    repal::write_file(folder_ / "in", "a file");
    EXPECT_THROW(repal::append_record(file_, "one"), repal::InputError);
}

}  // namespace
