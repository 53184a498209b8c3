module;
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
export module repal.sheet;

import repal.progress;
export import repal.recordings;

namespace repal {

/// What a sheet says of systems beside where they are, e.g. the area of a recording.
export struct Label {
    std::string name;                 ///< of the column
    std::size_t column;               ///< from 1 on
    std::vector<std::string> values;  ///< of each row; empty: not known

    /// The values as numbers, none where they are not known. Nothing if one is no number: then they are names only.
    std::optional<std::vector<std::optional<double>>> numbers() const;
};

/// Nothing if a text is not wholly a number below 1e150.
export std::optional<double> number_in(const std::string& text);

/// A list of recordings, a row for each: a CSV file whose header has a column `file`.
///
///     file,name,axes,dt,area,animal,day
///     m1/a.npy,first,"trial,time,channel",0.01,V1,m1,1
///
/// file: as `repal compare` takes it, from the folder of the sheet; wildcards mean several systems. name, axes and dt
/// may be left out, or empty in a row. Every other column is a label.
export struct Sheet {
    std::string file;
    std::vector<RecordingLocation> rows;
    std::vector<Label> labels;

    /// Throws InputError, with the nearest name, if there is no such column.
    const Label& label(const std::string& name) const;
};

/// Whether a file is text whose first line names a column `file`. A file that cannot be read is none.
export bool is_sheet(const std::filesystem::path& file);

/// Separated by commas, semicolons or tabs, as spreadsheets write it; in UTF-8. Throws InputError with line and column.
export Sheet read_sheet(const std::filesystem::path& file);

/// The systems of its rows, each once: their names are distinct.
export std::vector<Recording> read_recordings(const Sheet& sheet, const Reading& reading, Progress& progress);

}  // namespace repal
