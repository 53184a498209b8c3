module;
#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
module repal.store;

import :npy_header;
import repal.error;

namespace repal {
namespace {

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

// The part of Python's literals that numpy.save writes.
class Parser {
 public:
    explicit Parser(std::string_view text) : rest_(text) {}

    NpyHeader header() {
        std::optional<std::string> type;
        std::optional<bool> is_fortran;
        std::optional<Dimensions> dimensions;
        expect('{');
        while (!accept('}')) {
            const std::string key = quoted();
            expect(':');
            if (key == "descr" && !type)
                type = type_name();
            else if (key == "fortran_order" && !is_fortran)
                is_fortran = boolean();
            else if (key == "shape" && !dimensions)
                dimensions = tuple();
            else
                refuse(fmt::format("the key '{}' is unknown or there twice", key));
            if (!accept(',') && next() != '}') refuse("',' or '}' is missing");
        }
        if (next() != '\0') refuse("something follows the dictionary");
        if (!type) refuse("it has no 'descr'");
        if (!is_fortran) refuse("it has no 'fortran_order'");
        if (!dimensions) refuse("it has no 'shape'");
        return {*type, *is_fortran ? MemoryOrder::first_fastest : MemoryOrder::last_fastest, *dimensions};
    }

 private:
    [[noreturn]] static void refuse(const std::string& problem) {
        throw InputError("", "the header of the array is damaged: " + problem);
    }

    // Past the spaces; 0 at the end.
    char next() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
        return rest_.empty() ? '\0' : rest_.front();
    }

    bool accept(char character) {
        if (next() != character || rest_.empty()) return false;
        rest_.remove_prefix(1);
        return true;
    }

    void expect(char character) {
        if (!accept(character)) refuse(fmt::format("'{}' is missing", character));
    }

    bool accept(std::string_view word) {
        next();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }

    std::string quoted() {
        const char quote = next();
        if (quote != '\'' && quote != '"') refuse("a quoted text is missing");
        const auto end = rest_.find(quote, 1);
        if (end == std::string_view::npos) refuse("a quoted text does not end");
        std::string text(rest_.substr(1, end - 1));
        rest_.remove_prefix(end + 1);
        return text;
    }

    std::string type_name() {
        if (next() == '[')
            throw InputError("", "the array is structured, not one of real numbers", "save its fields one by one");
        return quoted();
    }

    bool boolean() {
        if (accept("True")) return true;
        if (!accept("False")) refuse("'fortran_order' is neither True nor False");
        return false;
    }

    Dimensions tuple() {
        Dimensions lengths;
        expect('(');
        while (!accept(')')) {
            lengths.push_back(length());
            if (!accept(',') && next() != ')') refuse("'shape' is not a tuple of numbers");
        }
        return lengths;
    }

    std::uint64_t length() {
        if (next() == '-') refuse("'shape' has a negative number");
        if (!is_digit(next())) refuse("'shape' is not a tuple of numbers");
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (error != std::errc{}) refuse("'shape' has a number beyond 64 bits");
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        if (!rest_.empty() && rest_.front() == 'L') rest_.remove_prefix(1);  // long integers of Python 2
        return value;
    }

    std::string_view rest_;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text) {
    return Parser(text).header();
}

}  // namespace repal
