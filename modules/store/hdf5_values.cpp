module;
#include <fmt/format.h>
#include <hdf5.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.store;

import :child;
import :hdf5_handle;
import :hdf5_storage;
import :hdf5_values;
import repal.error;
import repal.file;

namespace repal {
namespace {

// --- What is unpacked
// -----------------------------------------------------------------------------------------------------

/// While values are read, by one thread at a time: the bytes that every chunk has to have, and those that one had.
struct Unpacking {
    std::uint64_t least = 0;
    std::optional<std::uint64_t> too_few = {};
};
Unpacking unpacking;

/// Reads, and refuses chunks that are packed of fewer bytes.
void read_checked(hid_t dataset, hid_t type, hid_t to, hid_t from, void* target, std::uint64_t bytes_of_chunk) {
    unpacking = {.least = bytes_of_chunk};
    const herr_t status = H5Dread(dataset, type, to, from, H5P_DEFAULT, target);
    const auto too_few = std::exchange(unpacking, {}).too_few;
    if (too_few) fail_for_short_chunk(*too_few, bytes_of_chunk);
    checked(status, damaged);
}

}  // namespace

extern "C" {

herr_t unpacked(const void* plan, unsigned flags, unsigned* mask, H5Z_EDC_t checks, H5Z_cb_t failed, std::size_t* n,
                std::size_t* allocated, void** bytes) __asm__("__real_H5Z_pipeline");

/// libhdf5 calls this to unpack a chunk (and to pack one), as it is linked with --wrap: it would go on with any number
/// of bytes, and read what lies behind them.
herr_t unpacked_whole(const void* plan, unsigned flags, unsigned* mask, H5Z_EDC_t checks, H5Z_cb_t failed,
                      std::size_t* n, std::size_t* allocated, void** bytes) __asm__("__wrap_H5Z_pipeline");
herr_t unpacked_whole(const void* plan, unsigned flags, unsigned* mask, H5Z_EDC_t checks, H5Z_cb_t failed,
                      std::size_t* n, std::size_t* allocated, void** bytes) {
    const herr_t status = unpacked(plan, flags, mask, checks, failed, n, allocated, bytes);
    if (status < 0 || (flags & H5Z_FLAG_REVERSE) == 0 || *n >= unpacking.least) return status;
    unpacking.too_few = *n;
    return -1;
}
}

void read_values(hid_t dataset, hid_t type, void* target) {
    require_whole_chunks(dataset);
    read_checked(dataset, type, H5S_ALL, H5S_ALL, target, bytes_of_chunk(dataset));
}

namespace {

// --- What is read at a time
// -----------------------------------------------------------------------------------------------------

/// So many that they stay in the cache on their way.
constexpr std::uint64_t most_values = 1 << 17;

/// An array is read in pieces: one entry of the first dimensions, some of the next one, all of the others.
struct Pieces {
    std::size_t dimension = 0;
    hsize_t entries = 1;
};

/// Whole chunks, so that none is unpacked twice.
Pieces pieces_of(hid_t dataset, std::span<const hsize_t> lengths) {
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    std::vector<hsize_t> chunk(lengths.size(), 1);
    if (H5Pget_layout(plan) == H5D_CHUNKED)
        checked(H5Pget_chunk(plan, static_cast<int>(chunk.size()), chunk.data()), damaged);
    std::uint64_t values_per_entry = 1;
    for (const hsize_t length : lengths.subspan(1)) values_per_entry *= length;
    Pieces pieces;
    while (values_per_entry > most_values && chunk[pieces.dimension] == 1 && pieces.dimension + 1 < lengths.size())
        values_per_entry /= lengths[++pieces.dimension];
    const hsize_t of_chunk = std::max<hsize_t>(1, chunk[pieces.dimension]);
    pieces.entries = std::max<hsize_t>(1, most_values / values_per_entry / of_chunk) * of_chunk;
    return pieces;
}

/// Where values go: `next()` is room for the most that are read at a time, of which `put()` tells how many came.
class Sink {
 public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;
    virtual double* next() = 0;
    virtual void put(std::uint64_t n) = 0;
};

void read_piece(const Hdf5Reader::Array& array, hid_t space, const std::vector<hsize_t>& start,
                const std::vector<hsize_t>& count, Sink& sink) {
    const Handle piece(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose, damaged);
    checked(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), damaged);
    const auto n = static_cast<std::uint64_t>(H5Sget_simple_extent_npoints(piece));
    const auto read_to = [&](double* target) {
        read_checked(array.dataset, H5T_NATIVE_DOUBLE, piece, space, target, array.bytes_of_chunk);
    };
    if (n <= most_values) {
        read_to(sink.next());
        return sink.put(n);
    }
    std::vector<double> values(n);
    read_to(values.data());
    for (std::uint64_t done = 0; done < n; done += most_values) {
        const std::uint64_t some = std::min(most_values, n - done);
        std::copy_n(values.data() + done, some, sink.next());
        sink.put(some);
    }
}

void read_pieces(const Hdf5Reader::Array& array, hsize_t first, hsize_t end, Sink& sink) {
    require_whole_chunks(array.dataset);
    const std::vector<hsize_t> lengths = extent(array.dataset);
    if (lengths.empty()) {
        read_checked(array.dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, sink.next(), array.bytes_of_chunk);
        return sink.put(1);
    }
    const Handle space(H5Dget_space(array.dataset), H5Sclose, damaged);
    const auto [dimension, entries] = pieces_of(array.dataset, lengths);
    std::vector<hsize_t> start(lengths.size(), 0);
    std::vector<hsize_t> count = lengths;
    std::fill_n(count.begin(), dimension, 1);
    start[0] = Hdf5Reader::first_read(array.dataset, first);
    while (start[0] < end) {
        count[dimension] = std::min(entries, lengths[dimension] - start[dimension]);
        read_piece(array, space, start, count, sink);
        start[dimension] += count[dimension];
        for (std::size_t i = dimension; i > 0 && start[i] == lengths[i]; --i) {
            start[i] = 0;
            ++start[i - 1];
        }
    }
}

// --- Between the child and this process
// -----------------------------------------------------------------------------------------------------

enum Request : std::uint64_t { to_try, to_read };

constexpr const char* kind = "HDF5 file";
constexpr std::uint64_t memory_to_try = std::uint64_t{2} << 30;

/// Room for values that wait to be taken, used in turn.
constexpr std::uint64_t rooms = 2;

/// What the child reads goes to memory that both see, when there is room.
class SharedSink final : public Sink {
 public:
    SharedSink(const Writer& out, double* shared) : out_(out), shared_(shared) {}

    double* next() override {
        if (put_ == taken_ + rooms) wait();
        return shared_ + put_ % rooms * most_values;
    }
    void put(std::uint64_t n) override {
        out_.put(n);
        ++put_;
    }
    /// Until all is taken.
    void finish() {
        while (taken_ < put_) wait();
        out_.put(std::uint64_t{0});
    }

 private:
    void wait() { taken_ = out_.number(); }

    const Writer& out_;
    double* shared_;
    std::uint64_t put_ = 0;
    std::uint64_t taken_ = 0;
};

class DirectSink final : public Sink {
 public:
    explicit DirectSink(const Hdf5Reader::Take& take) : values_(most_values), take_(take) {}
    double* next() override { return values_.data(); }
    void put(std::uint64_t n) override { take_(std::span(values_).first(n)); }

 private:
    std::vector<double> values_;
    const Hdf5Reader::Take& take_;
};

void send(const Writer& out, double* shared, const Hdf5Reader::Array& array, hsize_t first, hsize_t end) {
    std::string problem;
    std::string hint;
    SharedSink sink(out, shared);
    try {
        read_pieces(array, first, end, sink);
    } catch (const InputError& error) {
        problem = error.problem();
        hint = error.hint();
    } catch (const std::bad_alloc&) {
        problem = "there is no memory for a chunk of it";
    }
    sink.finish();
    out.put(problem);
    out.put(hint);
}

void try_to(const std::function<void()>& work) {
    const MemoryBound bound(memory_to_try);
    try {
        work();
    } catch (...) {  // NOLINT(bugprone-empty-catch): the process that does it next will say it
    }
}

}  // namespace

/// Memory that a child writes and this process reads.
class Hdf5Reader::Shared {
 public:
    Shared() : begin_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (begin_ == MAP_FAILED) throw InputError("", "there is no memory to read it: " + system_error_text(errno));
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared() { munmap(begin_, bytes); }

    double* values() const { return static_cast<double*>(begin_); }

 private:
    static constexpr std::size_t bytes = rooms * most_values * sizeof(double);

    void* begin_;
};

Hdf5Reader::Hdf5Reader(hid_t file, Open open) : file_(file), open_(std::move(open)) {}
Hdf5Reader::~Hdf5Reader() = default;

hsize_t Hdf5Reader::first_read(hid_t dataset, hsize_t entry) {
    const std::vector<hsize_t> lengths = extent(dataset);
    if (lengths.empty()) return 0;
    const auto [dimension, entries] = pieces_of(dataset, lengths);
    return dimension == 0 ? entry / entries * entries : entry;
}

Hdf5Reader::Place Hdf5Reader::place_of(hid_t dataset) {
    H5O_info_t info{};
    checked(H5Oget_info2(dataset, &info, H5O_INFO_BASIC), damaged);
    return {info.fileno, info.addr};
}

Hdf5Reader::Array Hdf5Reader::opened(hid_t dataset, std::uint64_t bytes_of_chunk) {
    if (is_child_) here_.insert_or_assign(place_of(dataset), dataset);
    return {.dataset = dataset, .bytes_of_chunk = bytes_of_chunk, .number = ++opened_};
}

void Hdf5Reader::closed(const Array& array) {
    std::erase_if(here_, [&](const auto& known) { return known.second == array.dataset; });
}

Child& Hdf5Reader::child() {
    if (child_) return *child_;
    if (!shared_) shared_ = std::make_unique<Shared>();
    child_ = std::make_unique<Child>(kind, [this](const Writer& out) { serve(out); });
    known_ = opened_;
    return *child_;
}

void Hdf5Reader::serve(const Writer& out) {
    is_child_ = true;
    for (;;) {
        if (out.number() == to_try) {
            const std::string name = out.text();
            try_to([&] { open_(name); });
            out.put(std::uint64_t{1});
            continue;
        }
        Array array{.dataset = static_cast<hid_t>(out.number()), .bytes_of_chunk = out.number()};
        const std::uint64_t file = out.number();
        const auto found = here_.find({file, out.number()});
        const hsize_t first = out.number();
        const hsize_t end = out.number();
        const bool is_known = array.dataset >= 0 || found != here_.end();
        if (array.dataset < 0 && is_known) array.dataset = found->second;
        out.put(std::uint64_t{is_known});
        if (is_known) send(out, shared_->values(), array, first, end);
    }
}

void Hdf5Reader::try_first(const std::function<void()>& work) {
    Child child(kind, [&](const Writer& out) {
        try_to(work);
        out.put(std::uint64_t{1});
    });
    child.number();
}

void Hdf5Reader::try_first(const std::string& name) {
    try {
        child().put(to_try);
        child().put(name);
        child().number();
    } catch (const InputError&) {
        child_.reset();
        throw;
    }
}

/// Asks the child, which knows what was open when it was made by the same identifiers, and what it opened itself by
/// where it is. False: it knows neither.
bool Hdf5Reader::is_known(const Array& array, hsize_t first, hsize_t end) {
    const Place place = place_of(array.dataset);
    child().put(to_read);
    child().put(static_cast<std::uint64_t>(array.number <= known_ ? array.dataset : hid_t{-1}));
    child().put(array.bytes_of_chunk);
    child().put(place.first);
    child().put(place.second);
    child().put(first);
    child().put(end);
    return child().number() != 0;
}

void Hdf5Reader::read(const Array& array, hsize_t first, hsize_t end, const Take& take) {
    if (is_child_) {
        DirectSink sink(take);
        return read_pieces(array, first, end, sink);
    }
    try {
        if (!is_known(array, first, end)) {
            child_.reset();
            if (!is_known(array, first, end)) child().fail();
        }
        std::uint64_t taken = 0;
        while (const std::uint64_t n = child().number()) {
            if (n > most_values) child().fail();
            take({shared_->values() + taken++ % rooms * most_values, n});
            child().put(taken);
        }
        std::string problem = child().text();
        std::string hint = child().text();
        if (!problem.empty()) throw InputError("", std::move(problem), std::move(hint));
    } catch (...) {
        child_.reset();  // it may not be where this is
        throw;
    }
}

}  // namespace repal
