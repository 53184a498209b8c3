#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "commands.hpp"
#include "new_folder.hpp"

import repal.example_recordings;
import repal.file;
import repal.store;
import repal.table;

namespace command {
namespace {

// What the study is asked for; NOLINTBEGIN(modernize-avoid-c-arrays): their size is that of the file
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr char configuration[] = {
#embed "study_template/config.yaml" suffix(, 0)
};
#pragma clang diagnostic pop
// NOLINTEND(modernize-avoid-c-arrays)

int new_study(const std::string& folder) {
    make_folder(folder, [](const std::filesystem::path& place) {
        const repal::ExampleRecordings example = repal::example_recordings(1);
        repal::write_file(place / "config.yaml", configuration);
        repal::write_file(place / "sheet.csv", repal::csv_text(example.sheet));
        repal::write_archive(place / "recordings.h5", example.archive);
    });
    fmt::print(
        "{0} has an example of a study:\n\n"
        "    recordings.h5   24 recordings of three classes of dynamics, eight of each\n"
        "    sheet.csv       a row for each: put your own files and labels here\n"
        "    config.yaml     metrics, and what is asked\n"
        "\nNext:\n\n    repal run recordings --config {0}/config.yaml\n",
        quoted(folder));
    return done;
}

}  // namespace

void add_new_study(CLI::App& app, const CommonOptions& /*common*/, Chosen& chosen) {
    auto folder = std::make_shared<std::string>();
    auto* sub = app.add_subcommand("new-study",
                                   "begin a study of systems of your own: a sheet, its configuration, and "
                                   "example data that it runs on");
    sub->add_option("folder", *folder, "a new folder")->required();
    sub->callback([&chosen, folder] { chosen = [folder] { return new_study(*folder); }; });
}

}  // namespace command
