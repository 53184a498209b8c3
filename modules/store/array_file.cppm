module;
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
module repal.store:array_file;

import :assembly;
import repal.error;

/// Files of arrays, whatever their format. A format is a class of ArrayFile, and a line in open_array_file().
namespace repal {

/// What a file says of one of its arrays.
struct ArrayEntry {
    std::string name;            ///< in the file, e.g. "x", "/group/x"; empty: it has none
    Dimensions dimensions = {};  ///< as its user sees them; of what is refused perhaps unknown
    std::string refused = {};    ///< why it cannot be read, e.g. "text"
};

/// One array, not yet read.
class StoredArray {
 public:
    StoredArray() = default;
    StoredArray(const StoredArray&) = delete;
    StoredArray& operator=(const StoredArray&) = delete;
    virtual ~StoredArray();

    Dimensions dimensions = {};  ///< as its user sees them
    MemoryOrder order = MemoryOrder::last_fastest;
    std::vector<Axis> axes = {};             ///< that the file names, one for each dimension; empty: none
    std::string needs_axes = {};             ///< why the user has to name them; empty: the usual ones will do
    std::vector<std::string> notes = {};     ///< what of it the user should know
    std::vector<std::string> warnings = {};  ///< what of it may be meant otherwise
    std::string trial = {};                  ///< the name of the one that it is; empty: it has none, or is several
    std::vector<std::string> trials = {};    ///< names along its axis of trials; empty: they have none

    /// The time of a step, in s, that the file tells. Throws InputError if its times are not regular.
    virtual std::optional<double> dt() { return {}; }

    /// When each of its steps was, in any unit, and where the file says so; empty: it does not.
    struct Times {
        std::vector<double> values = {};
        std::string name = {};
        std::optional<double> unit = {};  ///< in s
    };
    virtual Times times() { return {}; }

    /// Appends what the assembly needs. Throws InputError.
    virtual void read(Assembly& assembly) = 0;
};

/// What is open.
class ArrayFile {
 public:
    ArrayFile() = default;
    ArrayFile(const ArrayFile&) = delete;
    ArrayFile& operator=(const ArrayFile&) = delete;
    virtual ~ArrayFile();

    /// In natural order.
    virtual std::vector<ArrayEntry> arrays() = 0;

    /// The array of an entry, or several that are the trials of one system. Throws InputError.
    virtual std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) = 0;
};

/// By the first bytes of the file. Throws InputError if it cannot be read, or is of a kind that is not known; then with
/// a line that converts it.
std::unique_ptr<ArrayFile> open_array_file(const std::filesystem::path& file);

/// "x (200, 3)", at most ten, and how many more there are.
std::string listed(std::span<const ArrayEntry> entries);

}  // namespace repal
