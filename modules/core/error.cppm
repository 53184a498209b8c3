module;
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
export module repal.error;

namespace repal {

/// Something that the user gave is wrong: a file, a key, a value, a place to write to. Ends the program with code 2.
export class InputError : public std::runtime_error {
 public:
    /// `where` is a file with line and column, a key or an argument; `problem` says what is wrong with it;
    /// `hint`, if any, says what would be right.
    InputError(std::string where, std::string problem, std::string hint = {});
    ~InputError() override;

    /// The same error at another place, which only the caller knows, e.g. the file.
    InputError at(const std::string& place) const { return {place, problem_, hint_}; }

    const std::string& where() const { return where_; }
    const std::string& problem() const { return problem_; }
    const std::string& hint() const { return hint_; }

 private:
    std::string where_;
    std::string problem_;
    std::string hint_;
};

/// The one of `valid` that `name` was most likely meant to be, by edit distance; empty if none is near.
export std::string nearest_name(std::string_view name, std::span<const std::string> valid);

/// "did you mean 'x'?" if a name is near, else "one of: a, b, c".
export std::string suggest(std::string_view name, std::span<const std::string> valid);

}  // namespace repal
