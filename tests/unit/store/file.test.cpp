#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

import repal.error;
import repal.file;

namespace {

using repal::read_file;
using repal::write_file;
using testing::ElementsAre;
using testing::HasSubstr;

class WrittenFile : public testing::Test {
 protected:
    WrittenFile() { std::filesystem::create_directories(folder_); }
    ~WrittenFile() override { std::filesystem::remove_all(folder_); }

    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder_))
            found.push_back(entry.path().filename().string());
        std::ranges::sort(found);
        return found;
    }

    static std::string refusal(const std::filesystem::path& file) {
        try {
            write_file(file, "new");
        } catch (const repal::InputError& error) {
            EXPECT_EQ(error.where(), file.string());
            return error.problem();
        }
        return "accepted";
    }

    const std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("file-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    const std::filesystem::path file_ = folder_ / "file.txt";
};

/// As long as it lives no file grows beyond 1000 bytes, as on a disk that is full.
class FullDisk {
 public:
    FullDisk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limited{1000, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limited);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

 private:
    rlimit before_{};
    void (*handler_)(int);
};

TEST_F(WrittenFile, HoldsEveryByteThatWasGiven) {
    const std::string content("a\0b\r\n\xff", 6);

    write_file(file_, content);

    EXPECT_EQ(read_file(file_), content);
}

TEST_F(WrittenFile, ReplacesTheOneBeforeAndNothingIsLeftBesideIt) {
    write_file(file_, "a longer text");
    write_file(file_, "new");

    EXPECT_EQ(read_file(file_), "new");
    EXPECT_THAT(names(), ElementsAre("file.txt"));
}

TEST_F(WrittenFile, GetsTheFoldersAboveIt) {
    write_file(folder_ / "a" / "b" / "file.txt", "new");

    EXPECT_EQ(read_file(folder_ / "a" / "b" / "file.txt"), "new");
}

TEST_F(WrittenFile, IsWhereASymbolicLinkLeads) {
    write_file(file_, "old");
    std::filesystem::create_symlink(file_, folder_ / "link");

    write_file(folder_ / "link", "new");

    EXPECT_EQ(read_file(file_), "new");
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
}

TEST_F(WrittenFile, AFullDiskLeavesTheOneBeforeAndNothingElse) {
    write_file(file_, "old");

    {
        const FullDisk disk;
        EXPECT_THROW(write_file(file_, std::string(5000, 'x')), repal::InputError);
    }

    EXPECT_EQ(read_file(file_), "old");
    EXPECT_THAT(names(), ElementsAre("file.txt"));
}

TEST_F(WrittenFile, ReplacesNothingButARegularFile) {
    const std::filesystem::path fifo = folder_ / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);

    EXPECT_THAT(refusal(fifo), HasSubstr("this is not a regular file"));
    EXPECT_THAT(refusal(fifo / "below"), HasSubstr("fifo' cannot be made"));
    EXPECT_THAT(refusal(folder_), HasSubstr("this is a directory"));
    EXPECT_THAT(refusal(folder_ / ""), HasSubstr("this is not the name of a file"));
    EXPECT_THAT(names(), ElementsAre("fifo"));
    EXPECT_TRUE(std::filesystem::is_fifo(fifo));
}

TEST_F(WrittenFile, IsReadInParts) {
    write_file(file_, "abcde");
    repal::ReadableFile readable(file_);
    std::array<std::byte, 4> part{};

    EXPECT_EQ(readable.size(), 5u);
    EXPECT_TRUE(readable.is_regular());
    EXPECT_EQ(readable.read_some(part), 4u);
    EXPECT_EQ(readable.read_some(part), 1u);
    EXPECT_EQ(readable.read_some(part), 0u);
}

TEST_F(WrittenFile, IsThereAndAFolderIsNone) {
    EXPECT_FALSE(repal::is_there(file_));
    write_file(file_, "new");
    EXPECT_TRUE(repal::is_there(file_));
    EXPECT_FALSE(repal::is_there(folder_));
}

TEST_F(WrittenFile, CannotBeReadIfItIsNoneOrAFolder) {
    EXPECT_THROW(read_file(file_), repal::InputError);
    EXPECT_THROW(read_file(folder_), repal::InputError);
}

}  // namespace
