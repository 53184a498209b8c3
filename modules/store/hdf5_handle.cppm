module;
#include <hdf5.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
module repal.store:hdf5_handle;

/// HDF5 in a form that closes what it opens and says why it fails; for the modules that read and write such files.
namespace repal {

/// The library is not thread-safe, and prints its errors unless it is told not to. Held while it is used.
class Hdf5Session {
 public:
    Hdf5Session();

 private:
    std::lock_guard<std::mutex> lock_;
};

/// The innermost error of HDF5's stack, which is the cause of the others.
std::string hdf5_cause();

/// Throws InputError "act: cause" if the identifier or status is negative, as HDF5's errors are.
void require_hdf5(hid_t result, std::string_view act);

template <class Result>
Result checked(Result result, std::string_view act) {
    require_hdf5(static_cast<hid_t>(result), act);
    return result;
}

/// An object of HDF5; closed with this.
class Handle {
 public:
    using Close = herr_t (*)(hid_t);
    Handle(hid_t id, Close close) : id_(id), close_(close) {}
    Handle(hid_t id, Close close, std::string_view act) : Handle(checked(id, act), close) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    ~Handle() {
        if (is_open()) close_(id_);
    }

    bool is_open() const { return id_ >= 0; }
    operator hid_t() const { return id_; }

 private:
    hid_t id_;
    Close close_;
};

inline constexpr std::string_view damaged = "the file is damaged";
inline constexpr std::string_view unwritable = "the HDF5 file cannot be made";

/// For reading. Throws InputError if there is no such file or it is not HDF5.
Handle open_hdf5(const std::filesystem::path& file);

/// Whether what a dataset is created with packs it so.
bool has_filter(hid_t plan, H5Z_filter_t wanted);

}  // namespace repal
