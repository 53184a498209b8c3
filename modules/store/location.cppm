module;
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
module repal.store:location;

namespace repal {

/// What of one dimension is meant: [3], [2:10], [::2], [*].
struct Slice {
    enum class Kind : std::uint8_t { range, one, each };  ///< one: the dimension is gone; each: a system of every entry
    Kind kind = Kind::range;
    std::int64_t first = 0;                ///< negative: from the end
    std::optional<std::int64_t> end = {};  ///< of a range; none: to the end
    std::int64_t step = 1;                 ///< of a range
};

/// FILE[:OBJECT][SLICE][@AXES], in parts.
struct Location {
    std::string file;                ///< may have wildcards
    std::string object = {};         ///< in the file; may have wildcards; empty: not named
    bool is_joined = false;          ///< what matches is the trials of one system: it ended with '+'
    std::vector<Slice> slices = {};  ///< of the first dimensions, in the order in which they are stored
    std::string slices_text = {};    ///< as they were written: "[3]"
    std::string axes = {};           ///< empty: not named
};

/// A name that exists literally is a file. A folder may look like "old.h5:2019": what exists decides, and without it
/// the first ':' after an extension that is known. Throws InputError if a slice cannot be read.
Location parse_location(const std::string& text);

/// The files that are meant, in natural order ("net2" before "net10"): the name itself if it has no wildcards. Throws
/// InputError if nothing matches.
std::vector<std::string> files_of(const std::string& pattern);

bool has_wildcards(const std::string& text);

/// As in a shell: '*' and '?' do not match '/'.
bool matches(const std::string& pattern, const std::string& name);

/// What the wildcards of a pattern stand for in a name that matches: "2" of "a/trial02.npy" and "a/trial*.npy".
std::string matched_part(const std::string& pattern, const std::string& name);

/// "net2" before "net10"
bool naturally_precedes(const std::string& a, const std::string& b);

}  // namespace repal
