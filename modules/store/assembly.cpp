module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :assembly;
import repal.error;
import repal.memory;

namespace repal {
namespace {

using Eigen::Index;

// More values than any memory, so few that products of bytes stay far from overflow.
constexpr std::uint64_t most_values = std::uint64_t{1} << 56;

/// An index from the end, if it is negative.
std::int64_t from_end(std::int64_t index, std::int64_t length) {
    return index < 0 ? index + length : index;
}

Part part_of(const Slice& slice, std::uint64_t of, std::size_t dimension) {
    const auto length = static_cast<std::int64_t>(of);
    if (slice.kind == Slice::Kind::one) {
        const std::int64_t entry = from_end(slice.first, length);
        if (entry < 0 || entry >= length)
            throw InputError("", fmt::format("there is no entry {} in dimension {}, which has {}", slice.first,
                                             dimension + 1, length));
        return {.first = entry, .count = 1, .step = 1, .is_kept = false};
    }
    const std::int64_t first = std::clamp<std::int64_t>(from_end(slice.first, length), 0, length);
    const std::int64_t end = std::clamp<std::int64_t>(from_end(slice.end.value_or(length), length), 0, length);
    if (first >= end)
        throw InputError(
            "", fmt::format("the slice of dimension {}, which has {} entries, is empty", dimension + 1, length));
    return {.first = first, .count = (end - first + slice.step - 1) / slice.step, .step = slice.step};
}

/// Memory that is written for the first time costs more than what is read into it, unless its pages are large.
void use_large_pages(void* begin, std::size_t bytes) {
    constexpr std::size_t page = std::size_t{1} << 21;
    const std::size_t skipped = (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
    if (bytes < skipped + page) return;
    madvise(static_cast<char*>(begin) + skipped, (bytes - skipped) / page * page, MADV_HUGEPAGE);  // may be refused
}

}  // namespace

std::string to_string(const Dimensions& dimensions) {
    return fmt::format("({}{})", fmt::join(dimensions, ", "), dimensions.size() == 1 ? "," : "");
}

std::uint64_t bytes_of(const Dimensions& dimensions, std::uint64_t bytes_per_value) {
    std::uint64_t values = 1;
    for (const std::uint64_t length : dimensions) {
        if (length == 0) throw InputError("", fmt::format("the array is empty: {}", to_string(dimensions)));
        if (length > most_values / values)
            throw InputError("", fmt::format("no file can hold an array of {}", to_string(dimensions)));
        values *= length;
    }
    return values * bytes_per_value;
}

std::vector<Part> parts_of(const Dimensions& dimensions, const std::vector<Slice>& slices) {
    if (slices.size() > dimensions.size())
        throw InputError("", fmt::format("{} slices of an array of {} dimensions, {}", slices.size(), dimensions.size(),
                                         to_string(dimensions)));
    std::vector<Part> parts;
    for (std::size_t i = 0; i < dimensions.size(); ++i)
        parts.push_back(i < slices.size() ? part_of(slices[i], dimensions[i], i)
                                          : Part{.count = static_cast<Index>(dimensions[i])});
    return parts;
}

Dimensions kept(const std::vector<Part>& parts) {
    Dimensions lengths;
    for (const Part& part : parts)
        if (part.is_kept) lengths.push_back(static_cast<std::uint64_t>(part.count));
    return lengths;
}

Assembly::Assembly(const Dimensions& dimensions, MemoryOrder order, const std::vector<Part>& parts,
                   const std::vector<Axis>& axes) {
    const Dimensions lengths = kept(parts);
    require_memory(static_cast<double>(bytes_of(lengths, sizeof(double))),
                   fmt::format("the array {}", to_string(lengths)), "take a part of it, e.g. [0:10]");
    const auto length = [&](Axis axis) {
        const auto found = std::ranges::find(axes, axis);
        return found == axes.end() ? 1 : static_cast<Index>(lengths[static_cast<std::size_t>(found - axes.begin())]);
    };
    shape_ = {.trials = length(Axis::trial), .steps = length(Axis::time), .channels = length(Axis::channel)};
    auto next = axes.begin();
    for (std::size_t i = 0; i < dimensions.size(); ++i) {
        Dimension dimension{.length = static_cast<Index>(dimensions[i]), .part = parts[i]};
        if (parts[i].is_kept) {
            const Axis axis = *next++;
            dimension.step = axis == Axis::channel ? 1
                             : axis == Axis::time  ? shape_.channels
                                                   : shape_.channels * shape_.steps;
        }
        file_.push_back(dimension);
    }
    if (order == MemoryOrder::first_fastest) std::ranges::reverse(file_);
    if (file_.empty()) file_.push_back({});
    try {
        values_.resize(shape_.trials * shape_.steps, shape_.channels);
    } catch (const std::bad_alloc&) {
        throw InputError("", fmt::format("there is no memory for an array of {}", to_string(lengths)));
    }
    use_large_pages(values_.data(), static_cast<std::size_t>(values_.size()) * sizeof(double));
}

Index Assembly::Dimension::place_of(Index entry) const {
    const Index from_first = entry - part.first;
    if (from_first < 0 || from_first % part.step != 0 || from_first / part.step >= part.count) return -1;
    return from_first / part.step * step;
}

std::span<double> Assembly::in_place() {
    Index step = 1;
    for (std::size_t i = file_.size(); i-- > 0;) {
        const Dimension& dimension = file_[i];
        if (dimension.part.count != dimension.length) return {};
        if (dimension.length != 1 && dimension.step != step) return {};
        step *= dimension.length;
    }
    return {values_.data(), static_cast<std::size_t>(values_.size())};
}

std::pair<Index, Index> Assembly::slowest() const {
    const Part& part = file_.front().part;
    return {part.first, part.first + (part.count - 1) * part.step + 1};
}

void Assembly::skip_to(Index slowest_entry) {
    position_ = slowest_entry;
    for (std::size_t i = 1; i < file_.size(); ++i) position_ *= file_[i].length;
}

void Assembly::append(std::span<const double> values) {
    const Dimension& fast = file_.back();
    while (!values.empty()) {
        const Index first = position_ % fast.length;
        const Index run = std::min(fast.length - first, std::ssize(values));
        Index place = 0;
        Index rest = position_ / fast.length;
        for (std::size_t i = file_.size() - 1; i-- > 0 && place >= 0;) {
            const Index of_entry = file_[i].place_of(rest % file_[i].length);
            place = of_entry < 0 ? -1 : place + of_entry;
            rest /= file_[i].length;
        }
        if (place >= 0 && fast.part.count == fast.length) {
            double* target = values_.data() + place + first * fast.step;
            for (Index n = 0; n < run; ++n) target[n * fast.step] = values[static_cast<std::size_t>(n)];
        } else if (place >= 0) {
            for (Index n = 0; n < run; ++n)
                if (const Index of_entry = fast.place_of(first + n); of_entry >= 0)
                    values_.data()[place + of_entry] = values[static_cast<std::size_t>(n)];
        }
        values = values.subspan(static_cast<std::size_t>(run));
        position_ += run;
    }
}

}  // namespace repal
