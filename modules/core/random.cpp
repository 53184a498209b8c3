module;
#include <Random123/philox.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>
module repal.random;

import repal.hash;

namespace repal {
namespace {

// The last counter word separates numbers from keys, and named children from numbered ones.
enum CounterSpace : std::uint64_t { numbers = 0, root = 1, named = 2, numbered = 3 };

std::array<std::uint64_t, 4> philox(std::array<std::uint64_t, 2> key, std::uint64_t value, CounterSpace space) {
    const r123::Philox4x64::ctr_type counter{{value, 0, 0, space}};
    const r123::Philox4x64::key_type philox_key{{key[0], key[1]}};
    const auto out = r123::Philox4x64{}(counter, philox_key);
    return {out[0], out[1], out[2], out[3]};
}

}  // namespace

Stream::Stream(std::uint64_t seed) : Stream(Stream(Key{0, 0}).derived(root, seed)) {}

Stream Stream::derived(std::uint64_t kind, std::uint64_t value) const {
    const auto out = philox(key_, value, static_cast<CounterSpace>(kind));
    return Stream(Key{out[0], out[1]});
}

Stream Stream::child(std::string_view purpose) const {
    return derived(named, hash(purpose));
}

Stream Stream::child(std::uint64_t index) const {
    return derived(numbered, index);
}

std::uint64_t Stream::bits() {
    if (used_ == buffer_.size()) {
        buffer_ = philox(key_, block_++, numbers);
        used_ = 0;
    }
    return buffer_[used_++];
}

double Stream::uniform() {
    return static_cast<double>(bits() >> 11) * 0x1p-53;
}

double Stream::normal() {
    if (has_spare_normal_) {
        has_spare_normal_ = false;
        return spare_normal_;
    }
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_normal_ = radius * std::sin(angle);
    has_spare_normal_ = true;
    return radius * std::cos(angle);
}

std::uint64_t Stream::below(std::uint64_t n) {
    // Numbers under 2^64 mod n would make the small remainders more frequent.
    const std::uint64_t rejected = (0 - n) % n;
    std::uint64_t value = bits();
    while (value < rejected) value = bits();
    return value % n;
}

std::vector<std::size_t> Stream::permutation(std::size_t n) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
    return order;
}

}  // namespace repal
