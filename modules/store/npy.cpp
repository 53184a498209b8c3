module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.store;

import :array_file;
import :npy;
import :npy_header;
import repal.error;

namespace repal {
namespace {

static_assert(std::endian::native == std::endian::little);

// numpy.save of a plain array writes 118 bytes; only structured types need more than a few hundred.
constexpr std::size_t longest_header = 65536;

constexpr std::size_t values_at_a_time = 65536;

template <std::size_t n>
std::array<std::byte, n> next_bytes(ByteSource& source) {
    std::array<std::byte, n> bytes;
    source.read(bytes);
    return bytes;
}

std::string next_text(ByteSource& source, std::size_t length) {
    std::string text(length, '\0');
    source.read(std::as_writable_bytes(std::span(text)));
    return text;
}

struct Preamble {
    std::size_t bytes;  // before the first value
    NpyHeader header;
};

Preamble read_preamble(ByteSource& source) {
    constexpr std::size_t shortest = 10;
    if (source.size() < shortest || next_text(source, 6) != "\x93NUMPY")
        throw InputError("", "not an array of NumPy", "write it with numpy.save");
    const auto version = next_bytes<2>(source);
    const int major = std::to_integer<int>(version[0]);
    if (major < 1 || major > 3 || version[1] != std::byte{0})
        throw InputError(
            "", fmt::format("version {}.{} of the .npy format is unknown", major, std::to_integer<int>(version[1])),
            "known are 1.0, 2.0 and 3.0");

    const std::size_t start = major == 1 ? 10 : 12;
    if (source.size() < start) throw InputError("", "the file ends within the header");
    std::size_t length = 0;
    for (std::size_t i = 0; i < start - 8; ++i)
        length |= std::to_integer<std::size_t>(next_bytes<1>(source)[0]) << 8 * i;
    if (length > source.size() - start)
        throw InputError("",
                         fmt::format("the header claims {} bytes, but only {} follow", length, source.size() - start));
    if (length > longest_header)
        throw InputError("", fmt::format("a header of {} bytes is none of an array of numbers", length));
    return {start + length, parse_npy_header(next_text(source, length))};
}

template <std::unsigned_integral Bits>
Bits swapped(Bits bits) {
    if constexpr (sizeof(Bits) == 2) return __builtin_bswap16(bits);
    if constexpr (sizeof(Bits) == 4) return __builtin_bswap32(bits);
    if constexpr (sizeof(Bits) == 8) return __builtin_bswap64(bits);
    return bits;
}

double from_half(std::uint16_t bits) {
    const int exponent = bits >> 10 & 0x1f;
    const int fraction = bits & 0x3ff;
    const double sign = bits >> 15 ? -1 : 1;
    if (exponent == 0x1f) return fraction == 0 ? sign * INFINITY : NAN;
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(fraction + 1024, exponent - 25);
}

template <class Number, class Bits>
double number(Bits bits) {
    return static_cast<double>(std::bit_cast<Number>(bits));
}

double from_bool(std::uint8_t bits) {
    return bits != 0;
}

using Decode = void (*)(const std::byte* bytes, std::span<double> values);

template <std::unsigned_integral Bits, double (*convert)(Bits), bool is_swapped>
void decode(const std::byte* bytes, std::span<double> values) {
    for (double& value : values) {
        Bits bits;
        std::memcpy(&bits, bytes, sizeof bits);
        value = convert(is_swapped ? swapped(bits) : bits);
        bytes += sizeof bits;
    }
}

struct NumberType {
    std::size_t bytes;
    Decode decode;
    bool is_native_double = false;
};

template <std::unsigned_integral Bits, double (*convert)(Bits)>
NumberType number_type(bool is_big_endian) {
    return {sizeof(Bits), is_big_endian ? decode<Bits, convert, true> : decode<Bits, convert, false>};
}

/// Types that are no real numbers, and what makes arrays of numbers of them.
std::pair<std::string, std::string> refused_kind(char kind) {
    switch (kind) {
        case 'c':
            return {"complex numbers",
                    "save the part that is meant, x.real, x.imag or abs(x), or both as channels, "
                    "numpy.concatenate([x.real, x.imag], axis=-1)"};
        case 'O':
            return {"Python objects, e.g. trials of unequal length",
                    "write each trial as an array of its own, numpy.savez('trials.npz', *trials), and name "
                    "'trials.npz:*+'"};
        case 'S':
        case 'U':
        case 'a':
            return {"text", "if the texts are numbers, save x.astype('float64')"};
        case 'V':
            return {"raw or structured values, e.g. bfloat16 or float8",
                    "save it as float32, x.astype('float32'), or one field, x['name']"};
        case 'M':
        case 'm':
            return {"dates", "save numbers, and the time of a step with --dt"};
        default:
            return {kind == 'f' ? "long doubles" : "values of an unknown type",
                    "save it as float64, x.astype('float64')"};
    }
}

NumberType number_type(const std::string& name) {
    std::string_view type = name;
    bool is_big_endian = false;
    if (!type.empty() && std::string_view("<>|=").find(type.front()) != std::string_view::npos) {
        is_big_endian = type.front() == '>';
        type.remove_prefix(1);
    }
    if (type == "f8")
        return {
            8,
            is_big_endian ? decode<std::uint64_t, number<double>, true> : decode<std::uint64_t, number<double>, false>,
            !is_big_endian};
    if (type == "f4") return number_type<std::uint32_t, number<float>>(is_big_endian);
    if (type == "f2") return number_type<std::uint16_t, from_half>(is_big_endian);
    if (type == "b1") return number_type<std::uint8_t, from_bool>(is_big_endian);
    if (type == "i1") return number_type<std::uint8_t, number<std::int8_t>>(is_big_endian);
    if (type == "i2") return number_type<std::uint16_t, number<std::int16_t>>(is_big_endian);
    if (type == "i4") return number_type<std::uint32_t, number<std::int32_t>>(is_big_endian);
    if (type == "i8") return number_type<std::uint64_t, number<std::int64_t>>(is_big_endian);
    if (type == "u1") return number_type<std::uint8_t, number<std::uint8_t>>(is_big_endian);
    if (type == "u2") return number_type<std::uint16_t, number<std::uint16_t>>(is_big_endian);
    if (type == "u4") return number_type<std::uint32_t, number<std::uint32_t>>(is_big_endian);
    if (type == "u8") return number_type<std::uint64_t, number<std::uint64_t>>(is_big_endian);
    const auto [kind, way_on] = refused_kind(type.empty() ? '\0' : type.front());
    throw InputError("", fmt::format("an array of {} ('{}')", kind, name), way_on);
}

void require_bytes(const NpyHeader& header, std::uint64_t expected, std::uint64_t present) {
    const std::string claim = fmt::format("{} of '{}'", to_string(header.dimensions), header.type);
    if (present < expected)
        throw InputError(
            "",
            fmt::format("{} bytes are missing: {} takes {}, here are {}", expected - present, claim, expected, present),
            "the file was cut off, or is still being written");
    if (present > expected)
        throw InputError("",
                         fmt::format("{} bytes follow the array: {} takes {}, here are {}", present - expected, claim,
                                     expected, present),
                         "one .npy file holds one array");
}

/// Values are decoded as they are read.
class NpyArray final : public StoredArray {
 public:
    explicit NpyArray(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
        const auto [start, header] = read_preamble(*source_);
        type_ = number_type(header.type);
        const std::uint64_t bytes = bytes_of(header.dimensions, type_.bytes);
        require_bytes(header, bytes, source_->size() - start);
        count_ = bytes / type_.bytes;
        dimensions = header.dimensions;
        order = header.order;
    }

    void read(Assembly& assembly) override {
        const std::span<double> all = assembly.in_place();
        if (type_.is_native_double && !all.empty()) {
            source_->read(std::as_writable_bytes(all));
            source_->verify();
            return;
        }
        const std::uint64_t slowest = dimensions.empty()                   ? 1
                                      : order == MemoryOrder::last_fastest ? dimensions.front()
                                                                           : dimensions.back();
        const auto [first, end] = assembly.slowest();
        const std::uint64_t of_one = count_ / slowest;
        std::uint64_t done = static_cast<std::uint64_t>(first) * of_one;
        const std::uint64_t last = static_cast<std::uint64_t>(end) * of_one;
        source_->skip(done * type_.bytes);
        assembly.skip_to(first);
        std::vector<std::byte> bytes(values_at_a_time * type_.bytes);
        std::vector<double> values(values_at_a_time);
        while (done < last) {
            const std::size_t n = std::min<std::uint64_t>(values_at_a_time, last - done);
            source_->read(std::span(bytes).first(n * type_.bytes));
            const auto part = all.empty() ? std::span(values).first(n) : all.subspan(done, n);
            type_.decode(bytes.data(), part);
            if (all.empty()) assembly.append(part);
            done += n;
        }
        if (done == count_) source_->verify();
    }

 private:
    std::unique_ptr<ByteSource> source_;
    NumberType type_{};
    std::uint64_t count_ = 0;
};

class NpyFile final : public ArrayFile {
 public:
    explicit NpyFile(std::filesystem::path file) : file_(std::move(file)) {}

    std::vector<ArrayEntry> arrays() override { return {{.name = {}, .dimensions = {}}}; }

    std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) override {
        if (!name.empty())
            throw InputError("", "an .npy file holds one array, without a name", "leave out ':" + name + "'");
        std::vector<std::unique_ptr<StoredArray>> one;
        one.push_back(open_npy(open_bytes(file_)));
        return one;
    }

 private:
    std::filesystem::path file_;
};

}  // namespace

Dimensions npy_dimensions(ByteSource& source) {
    const NpyHeader header = read_preamble(source).header;
    if (header.dimensions.empty()) return {1};
    return header.type.find('O') == std::string::npos ? header.dimensions : Dimensions{};
}

std::unique_ptr<StoredArray> open_npy(std::unique_ptr<ByteSource> source) {
    return std::make_unique<NpyArray>(std::move(source));
}

std::unique_ptr<ArrayFile> open_npy_file(const std::filesystem::path& file) {
    return std::make_unique<NpyFile>(file);
}

}  // namespace repal
