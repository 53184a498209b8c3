module;
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>
export module repal.random;

namespace repal {

/// A stream of random numbers with a name, e.g. Stream(seed).child("initial_point").child(trial).
///
/// Counter-based: the numbers depend on the seed and the path of names alone, never on which thread, shard or
/// earlier draw asked for them. Two paths that differ give independent streams.
/// Source: Salmon et al. 2011, Philox-4x64-10, both for the numbers and for the keys of children.
export class Stream {
 public:
    explicit Stream(std::uint64_t seed);

    Stream child(std::string_view purpose) const;
    Stream child(std::uint64_t index) const;

    std::uint64_t bits();

    /// Uniform on [0, 1), 53 bits.
    double uniform();

    /// Standard normal, by Box and Muller.
    double normal();

    /// Uniform on {0, ..., n-1}, without bias; n >= 1.
    std::uint64_t below(std::uint64_t n);

    /// A uniformly drawn order of 0, ..., n-1.
    std::vector<std::size_t> permutation(std::size_t n);

 private:
    using Key = std::array<std::uint64_t, 2>;
    explicit Stream(Key key) : key_(key) {}
    Stream derived(std::uint64_t kind, std::uint64_t value) const;

    Key key_;
    std::uint64_t block_ = 0;
    std::array<std::uint64_t, 4> buffer_{};
    unsigned used_ = 4;
    double spare_normal_ = 0;
    bool has_spare_normal_ = false;
};

}  // namespace repal
