#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

import repal.error;
import repal.registry;

namespace {

using repal::Registry;
using testing::HasSubstr;

const Registry& built() {
    static const Registry loaded = Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

std::string refusal(const std::function<void()>& act) {
    try {
        act();
    } catch (const repal::InputError& error) {
        return error.what();
    }
    return "accepted";
}

class PluginFolder : public testing::Test {
 protected:
    PluginFolder() { std::filesystem::create_directories(folder_); }
    ~PluginFolder() override { std::filesystem::remove_all(folder_); }

    Registry load() const { return Registry::load(std::array{folder_}); }

    const std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("registry-") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST(BuiltPlugins, AreFoundByTheirNames) {
    EXPECT_EQ(built().metric("cka").info.name, "cka");
    EXPECT_TRUE(built().metric("cka").make({}) != nullptr);
    EXPECT_EQ(built().task("lorenz").info.name, "lorenz");
    EXPECT_TRUE(built().task("lorenz").make({}) != nullptr);
}

TEST(BuiltPlugins, AnUnknownNameGivesTheNearestOfItsKind) {
    EXPECT_EQ(refusal([] { built().metric("ckaa"); }), "unknown metric 'ckaa'; did you mean 'cka'?");
    EXPECT_EQ(refusal([] { built().task("lorentz"); }), "unknown task 'lorentz'; did you mean 'lorenz'?");
    EXPECT_THAT(refusal([] { built().metric("lorenz"); }), HasSubstr("unknown metric 'lorenz'"));
}

TEST(SharedObject, ThatIsNoPluginIsRefused) {
    const std::filesystem::path library = std::filesystem::path(REPAL_PLUGIN_DIRECTORY).parent_path() / "librepal.so";
    ASSERT_TRUE(std::filesystem::exists(library));

    EXPECT_EQ(refusal([&] { Registry::of_file(library); }),
              "it exports neither repal_metric nor repal_task, so it is not a plugin");
}

TEST_F(PluginFolder, AFileThatIsNoSharedObjectIsRefusedAndSaid) {
    std::ofstream(folder_ / "text.so") << "no ELF";

    const Registry registry = load();

    ASSERT_EQ(registry.refused().size(), 1u);
    EXPECT_EQ(registry.refused()[0].file, folder_ / "text.so");
    EXPECT_NE(registry.refused()[0].cause, "");
}

TEST_F(PluginFolder, OtherFilesAreNotLookedAt) {
    std::ofstream(folder_ / "notes.txt") << "no plugin";

    EXPECT_TRUE(load().refused().empty());
}

TEST_F(PluginFolder, TheFirstPluginOfANameIsKept) {
    std::filesystem::copy_file(built().metric("cka").file, folder_ / "a.so");
    std::filesystem::copy_file(built().metric("cka").file, folder_ / "b.so");

    const Registry registry = load();

    EXPECT_EQ(registry.metric("cka").file, folder_ / "a.so");
    ASSERT_EQ(registry.refused().size(), 1u);
    EXPECT_EQ(registry.refused()[0].file, folder_ / "b.so");
    EXPECT_EQ(registry.refused()[0].cause, "there is a metric 'cka' already, in " + (folder_ / "a.so").string());
}

TEST_F(PluginFolder, NamedTwiceCountsOnceAndOneThatIsNotThereIsSkipped) {
    std::filesystem::copy_file(built().metric("cka").file, folder_ / "a.so");

    const Registry registry = Registry::load(std::array{folder_, folder_, folder_ / "none"});

    EXPECT_EQ(registry.metrics().size(), 1u);
    EXPECT_TRUE(registry.refused().empty());
}

TEST(PluginPath, IsTheCommandLineThenTheEnvironmentThenOurOwn) {
    ::setenv("REPAL_PLUGIN_PATH", "/first::/second", 1);
    const auto path = repal::plugin_path(std::array{std::filesystem::path("/given")});
    ::unsetenv("REPAL_PLUGIN_PATH");

    EXPECT_EQ(path, (std::vector<std::filesystem::path>{"/given", "/first", "/second", repal::own_plugins()}));
}

}  // namespace
