module;
#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
module repal.store:hdf5_values;

import :child;

/// Values of datasets. Damaged files make libhdf5 read beyond what it holds, so that arrays are read in a child
/// process.
namespace repal {

/// All values of a small dataset, as a type of memory. Throws InputError if a chunk of it has fewer than it should.
void read_values(hid_t dataset, hid_t type, void* target);

/// Reads the arrays of a file.
class Hdf5Reader {
 public:
    /// `open`: does what try_first() is asked for, and keeps what it opened.
    using Open = std::function<void(const std::string& name)>;
    Hdf5Reader(hid_t file, Open open);
    ~Hdf5Reader();

    hid_t file() const { return file_; }

    /// Does in the child what damaged files make libhdf5 crash or hang at, before this process does. What is thrown
    /// there is left to that. Throws InputError if the child ends.
    void try_first(const std::string& name);
    static void try_first(const std::function<void()>& work);

    /// An array of numbers that can be read while it is open.
    struct Array {
        hid_t dataset;
        std::uint64_t bytes_of_chunk;  ///< of the smallest that it has anything of; 0: none
        std::size_t number = 0;        ///< of those that were opened
    };
    Array opened(hid_t dataset, std::uint64_t bytes_of_chunk);
    void closed(const Array& array);

    /// Takes the values of the entries [first, end) of the first dimension, in the order of the file, some at a time;
    /// the first one is that of first_read(). Throws InputError.
    using Take = std::function<void(std::span<double>)>;
    void read(const Array& array, hsize_t first, hsize_t end, const Take& take);

    /// Where to begin if an entry of the first dimension is needed, so that no chunk is unpacked twice.
    static hsize_t first_read(hid_t dataset, hsize_t entry);

 private:
    class Shared;
    /// Of a dataset: its file and where it is in that.
    using Place = std::pair<std::uint64_t, std::uint64_t>;

    static Place place_of(hid_t dataset);
    Child& child();
    [[noreturn]] void serve(const Writer& out);
    bool is_known(const Array& array, hsize_t first, hsize_t end);

    hid_t file_;
    Open open_;
    std::size_t opened_ = 0;
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<Child> child_;
    std::size_t known_ = 0;  ///< what the child was made with
    bool is_child_ = false;
    std::map<Place, hid_t> here_ = {};  ///< what the child has opened itself
};

}  // namespace repal
