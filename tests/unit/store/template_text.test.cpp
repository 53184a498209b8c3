#include <gtest/gtest.h>

#include <string>

import repal.template_text;

namespace {

using repal::filled;

TEST(TemplateText, EveryNameIsReplaced) {
    EXPECT_EQ(filled("@a@, @b@ and @a@", {{"a", "1"}, {"b", "2"}}), "1, 2 and 1");
}

TEST(TemplateText, WhatIsPutInIsNotLookedAtAgain) {
    EXPECT_EQ(filled("@a@b@", {{"a", "@b@"}, {"b", "2"}}), "@b@b@");
}

TEST(TemplateText, AnyOtherSignStays) {
    EXPECT_EQ(filled("me@home, @none@a@ @", {{"a", "1"}}), "me@home, @none1 @");
}

}  // namespace
