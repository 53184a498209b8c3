#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace command {

/// On standard error. Where that cannot be written, e.g. since it is closed or its disk is full, work goes on without.
template <class... Values>
void print_error(fmt::format_string<Values...> text, Values&&... values) {
    std::fputs(fmt::format(text, std::forward<Values>(values)...).c_str(), stderr);
}

}  // namespace command
