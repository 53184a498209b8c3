module;
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>
module repal.store;

import :bytes;
import :mat_check;
import repal.error;

namespace repal {
namespace {

// Types of elements and classes of arrays, by their numbers in "MAT-File Format" of The MathWorks.
enum Element : std::uint32_t { matrix = 14, compressed = 15 };
enum Class : std::uint32_t { cell = 1, structure = 2, first_number = 6, last_number = 15 };

constexpr std::size_t alignment = 8;

[[noreturn]] void fail(const std::string& why) {
    throw InputError("", "the MATLAB file was cut off or is damaged: " + why, "save it again");
}

/// 0 for what has no size of its own.
std::uint32_t bytes_of_type(std::uint32_t type) {
    constexpr std::array<std::uint32_t, 14> sizes = {0, 1, 1, 2, 2, 4, 4, 4, 0, 8, 0, 0, 8, 8};
    return type < sizes.size() ? sizes[type] : 0;
}

/// Bytes in their order, as they are or unpacked, of which so many are left in what is read.
class Reader {
 public:
    explicit Reader(bool is_swapped) : is_swapped_(is_swapped) {}
    virtual ~Reader() = default;
    virtual void read(std::span<std::byte> target) = 0;

    std::uint32_t number() {
        std::array<std::byte, 4> bytes{};
        read(bytes);
        const auto value = std::bit_cast<std::uint32_t>(bytes);
        return is_swapped_ ? __builtin_bswap32(value) : value;
    }

    virtual void skip(std::uint64_t n) {
        std::array<std::byte, 4096> some{};
        for (; n > 0; n -= std::min<std::uint64_t>(n, some.size()))
            read(std::span(some).first(std::min<std::uint64_t>(n, some.size())));
    }

    bool is_swapped() const { return is_swapped_; }

 private:
    bool is_swapped_;
};

class Plain final : public Reader {
 public:
    Plain(ByteSource& source, bool is_swapped) : Reader(is_swapped), source_(source) {}
    void read(std::span<std::byte> target) override { source_.read(target); }
    void skip(std::uint64_t n) override { source_.skip(n); }

 private:
    ByteSource& source_;
};

/// What zlib packed into the next bytes of a file.
class Unpacked final : public Reader {
 public:
    Unpacked(ByteSource& source, std::uint64_t packed, bool is_swapped)
        : Reader(is_swapped), source_(source), left_(packed) {
        if (inflateInit(&stream_) != Z_OK) fail("it cannot be unpacked");
    }
    Unpacked(const Unpacked&) = delete;
    Unpacked& operator=(const Unpacked&) = delete;
    ~Unpacked() override { inflateEnd(&stream_); }

    void read(std::span<std::byte> target) override {
        while (!target.empty()) {
            const std::size_t n = unpack(target);
            if (n == 0) fail("what is packed ends early");
            target = target.subspan(n);
        }
    }

    /// To be called after the last byte: zlib compares the checksum when it comes to the end.
    void finish() {
        std::array<std::byte, alignment> padding{};
        std::size_t n = 0;
        while (!is_at_end_ && n < padding.size()) {
            const std::size_t more = unpack(std::span(padding).subspan(n));
            if (more == 0 && !is_at_end_) fail("what is packed ends early");
            n += more;
        }
        if (!is_at_end_ || n == padding.size()) fail("more is packed than the array");
        source_.skip(left_);
    }

 private:
    std::size_t unpack(std::span<std::byte> target) {
        stream_.next_out = reinterpret_cast<Bytef*>(target.data());
        stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(target.size(), packed_.size()));
        const uInt wanted = stream_.avail_out;
        while (stream_.avail_out == wanted && !is_at_end_) {
            if (stream_.avail_in == 0 && left_ > 0) {
                const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, packed_.size()));
                source_.read(std::span(packed_).first(n));
                left_ -= n;
                stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
                stream_.avail_in = static_cast<uInt>(n);
            }
            const int result = inflate(&stream_, Z_NO_FLUSH);
            is_at_end_ = result == Z_STREAM_END;
            if (result == Z_BUF_ERROR && left_ == 0) break;
            if (result != Z_OK && result != Z_STREAM_END) fail("what is packed has errors");
        }
        return wanted - stream_.avail_out;
    }

    ByteSource& source_;
    std::uint64_t left_;
    std::vector<std::byte> packed_ = std::vector<std::byte>(std::size_t{1} << 16);
    z_stream stream_{};
    bool is_at_end_ = false;
};

struct Tag {
    std::uint32_t type = 0;
    std::uint64_t bytes = 0;   ///< of the values
    std::uint64_t padded = 0;  ///< what follows the tag up to the next one
};

/// The elements of an array, one after the other, in the bytes that it says it has.
class ArrayCheck {
 public:
    ArrayCheck(Reader& reader, std::uint64_t bytes, int depth) : reader_(reader), left_(bytes), depth_(depth) {}

    void check() {
        constexpr int deepest = 64;
        if (depth_ > deepest) fail("arrays are nested too deeply");
        if (left_ == 0) return;  // an empty cell
        const std::uint32_t flags = numbers(next()).at(0);
        const std::uint32_t class_of_it = flags & 0xffU;
        const bool is_complex = (flags & 0x800U) != 0;
        if (class_of_it > last_number) return reader_.skip(left_);  // an object, of which the format is not known
        std::uint64_t values = 1;
        for (const std::uint32_t length : numbers(next())) {
            if (length != 0 && values > most_values / length) fail("an array has impossible dimensions");
            values *= length;
        }
        skip(next());  // its name
        if (class_of_it >= first_number) {
            for (int part = 0; part < (is_complex ? 2 : 1); ++part) check_values(values);
        } else if (class_of_it == cell) {
            check_arrays(values);
        } else if (class_of_it == structure) {
            const std::uint32_t longest = numbers(next()).at(0);
            const Tag names = next();
            skip(names);
            check_arrays(longest == 0 ? 0 : values * (names.bytes / longest));
        }
        reader_.skip(left_);
    }

 private:
    static constexpr std::uint64_t most_values = std::uint64_t{1} << 48;

    void take(std::uint64_t n) {
        if (n > left_) fail("an array is longer than the room that it has");
        left_ -= n;
    }

    Tag next() {
        take(alignment);
        const std::uint32_t first = reader_.number();
        Tag tag;
        if (first >> 16 != 0) {  // up to four bytes in the tag itself
            tag = {.type = first & 0xffffU, .bytes = first >> 16, .padded = 0};
            if (tag.bytes > 4) fail("a small element is too large");
            small_ = reader_.number();
            return tag;
        }
        tag.type = first;
        tag.bytes = reader_.number();
        tag.padded = tag.type == compressed ? tag.bytes : (tag.bytes + alignment - 1) / alignment * alignment;
        // The last one may lack what fills it up.
        tag.padded = std::min(tag.padded, std::max(left_, tag.bytes));
        return tag;
    }

    void skip(const Tag& tag) {
        take(tag.padded);
        reader_.skip(tag.padded);
    }

    std::vector<std::uint32_t> numbers(const Tag& tag) {
        constexpr std::uint64_t most = 64;
        std::vector<std::uint32_t> found;
        if (tag.padded == 0 && tag.bytes > 0) return {small_};
        if (tag.bytes > most * 4 || tag.bytes < 4) fail("an array has no dimensions");
        take(tag.padded);
        for (std::uint64_t i = 0; i < tag.bytes / 4; ++i) found.push_back(reader_.number());
        reader_.skip(tag.padded - tag.bytes / 4 * 4);
        return found;
    }

    void check_values(std::uint64_t values) {
        const Tag tag = next();
        const std::uint32_t size = bytes_of_type(tag.type);
        if (size == 0 || tag.bytes / size < values)
            fail(fmt::format("an array of {} values has room for {}", values, size == 0 ? 0 : tag.bytes / size));
        skip(tag);
    }

    void check_arrays(std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i) {
            const Tag tag = next();
            if (tag.type != matrix) fail("an array is missing in a cell or struct");
            take(tag.padded);
            ArrayCheck(reader_, tag.padded, depth_ + 1).check();
        }
    }

    Reader& reader_;
    std::uint64_t left_;
    int depth_;
    std::uint32_t small_ = 0;
};

}  // namespace

void require_whole_mat(const std::filesystem::path& file) {
    constexpr std::size_t header = 128;
    constexpr std::size_t place_of_order = 126;
    const auto source = open_bytes(file);
    if (source->size() < header) return;
    std::array<std::byte, header> start{};
    source->read(start);
    const std::string text(reinterpret_cast<const char*>(start.data()), start.size());
    if (!text.starts_with("MATLAB 5.0") && !text.starts_with("MATLAB 7.0")) return;
    const bool is_swapped = text.substr(place_of_order) == "MI";
    if (!is_swapped && text.substr(place_of_order) != "IM") fail("it does not say the order of its bytes");

    std::uint64_t left = source->size() - header;
    Plain plain(*source, is_swapped);
    while (left > 0) {
        if (left < alignment) fail(fmt::format("{} bytes are left over", left));
        const std::uint32_t type = plain.number();
        const std::uint64_t bytes = plain.number();
        left -= alignment;
        if (bytes > left) fail(fmt::format("an array of {} bytes has {}", bytes, left));
        left -= bytes;
        if (type == compressed) {
            Unpacked unpacked(*source, bytes, is_swapped);
            const std::uint32_t inner = unpacked.number();
            const std::uint64_t inner_bytes = unpacked.number();
            if (inner == matrix)
                ArrayCheck(unpacked, inner_bytes, 0).check();
            else
                unpacked.skip(inner_bytes);
            unpacked.finish();
        } else if (type == matrix) {
            ArrayCheck(plain, bytes, 0).check();
        } else {
            plain.skip(bytes);
        }
    }
}

}  // namespace repal
