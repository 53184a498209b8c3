module;
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>
module repal.store:source;

import :array_file;
import :location;
import :reading;

namespace repal {

/// What was read of the arrays of one system.
struct Read {
    std::vector<Block> blocks = {};
    std::vector<std::string> trials = {};  ///< names of those that each block is, or of what has them; empty: none
    std::vector<std::vector<std::string>> trial_names = {};  ///< of the trials of each block; empty: none
    std::vector<std::string> notes = {};
    std::vector<std::string> warnings = {};
    std::vector<std::optional<double>> steps = {};       ///< dt of each, in s
    std::vector<std::optional<double>> beginnings = {};  ///< when the first step of each was, in s
    std::vector<Axis> axes = {};                         ///< of the last one
    bool has_named_axes = false;
    std::string step_beside = {};  ///< ReadSystem::step_beside
    std::string left_out = {};     ///< "3 steps that the times of 'x' leave out"; empty: none
};

using Arrays = std::vector<std::unique_ptr<StoredArray>>;

/// A file, and how its arrays are read.
class Source {
 public:
    /// Throws InputError if it cannot be read, or is of a kind that is not known.
    Source(const std::string& path, const Location& location, const Reading& reading);

    /// The names in the file that the location means: one, or several by wildcards. Throws InputError.
    const std::vector<std::string>& names() const { return names_; }

    /// The arrays of a name, at least one.
    Arrays opened(const std::string& name) const;

    /// Appends what is called so: one array, or several that are trials. `trial`: its name, where it is one of several
    /// that are joined.
    void read(Read& all, const std::string& name, const std::vector<Slice>& slices,
              const std::string& trial = {}) const;

 private:
    const std::string& step_beside() const;
    std::optional<double> told_step(StoredArray& array) const;
    void read_into(Read& all, StoredArray& array, const std::vector<Slice>& slices) const;
    std::vector<Axis> axes_of(const StoredArray& array, const std::vector<Part>& parts) const;

    std::unique_ptr<ArrayFile> file_;
    std::string object_;
    std::string axes_;
    bool are_axes_of_all_;  ///< of all arrays that say nothing of theirs
    const Reading& reading_;
    std::vector<std::string> names_;
    mutable std::optional<std::string> step_beside_;  ///< once it was asked for
};

}  // namespace repal
