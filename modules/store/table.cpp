module;
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
module repal.table;

namespace repal {
namespace {

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"') quoted += '"';
        quoted += character;
    }
    return quoted + '"';
}

}  // namespace

std::string csv_number(std::optional<double> value) {
    return value && std::isfinite(*value) ? fmt::format("{}", *value) : "";
}

std::string csv_text(const Table& rows) {
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (const std::string& field : row) line += (&field == &row.front() ? "" : ",") + csv_field(field);
        text += line + "\n";
    }
    return text;
}

}  // namespace repal
