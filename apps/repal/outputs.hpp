#pragma once

#include <string>
#include <vector>

namespace command {

/// A file that an option names.
struct Output {
    std::string option;  ///< "--out"
    std::string file;    ///< empty: it was not given
};

/// Before anything is computed: throws InputError if an output cannot be written, would replace one of the files
/// "FILE:member" that are read or another output, or has the name of a recording.
void require_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs);

/// Writes text to the file, or prints it if there is none, or if it cannot be written, so that it is not lost.
void write_or_print(const std::string& file, const std::string& text);

}  // namespace command
