module;
#include <cstdint>
#include <string>
#include <string_view>
export module repal.hash;

namespace repal {

/// 64-bit FNV-1a of a text: the same on every machine, for keys of items and names of random streams.
export constexpr std::uint64_t hash(std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325u;
    for (const char character : text) {
        value ^= static_cast<unsigned char>(character);
        value *= 0x100000001b3u;
    }
    return value;
}

/// The hash as 16 hexadecimal digits.
export std::string hash_hex(std::string_view text);

}  // namespace repal
