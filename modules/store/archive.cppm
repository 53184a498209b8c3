module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
export module repal.store:archive;

export import repal.error;

/// Named arrays in an HDF5 file: how results are kept. Such files open in h5py and MATLAB.
namespace repal {

/// A dense array, the last dimension the fastest.
export struct Array {
    using Values = std::variant<std::vector<float>, std::vector<double>, std::vector<std::int32_t>>;

    std::vector<std::uint64_t> shape;
    Values values;                                       ///< as many as the product of `shape`
    std::map<std::string, std::string> attributes = {};  ///< e.g. axes = "trial,time,channel", unit = "ms"
};

export struct Archive {
    std::map<std::string, Array> arrays;  ///< '/' in a name makes groups
    std::map<std::string, std::string> attributes;

    /// The array of a name with values of type T. Throws InputError if there is none or it has another type.
    template <class T>
    const std::vector<T>& values(const std::string& name) const {
        return std::get<std::vector<T>>(array(name, Array::Values(std::vector<T>()).index()).values);
    }

    /// Throws InputError if there is none.
    const std::string& attribute(const std::string& name) const;

    /// An attribute that lists names, separated by commas.
    std::vector<std::string> names(const std::string& name) const;

    /// An attribute that is a finite number. Throws InputError if it is none.
    double number(const std::string& name) const;

 private:
    const Array& array(const std::string& name, std::size_t type) const;
};

/// Whole or not at all, as write_file; equal archives give equal bytes. Throws InputError if the place cannot be
/// written or a name cannot be one of HDF5.
export void write_archive(const std::filesystem::path& file, const Archive& archive);

/// What write_archive wrote. Throws InputError if the file is missing, damaged or of another kind.
export Archive read_archive(const std::filesystem::path& file);

/// The attributes, and those arrays that are in one of these groups, e.g. "weights". Throws as read_archive.
export Archive read_archive(const std::filesystem::path& file, const std::vector<std::string>& groups);

/// The bytes of such a file, and what they say. Throw as the above.
export std::string bytes_of(const Archive& archive);
export Archive archive_in(std::string_view bytes);
export Archive archive_in(std::string_view bytes, const std::vector<std::string>& groups);

/// The attributes of such a file, without its arrays. Throws as read_archive.
export std::map<std::string, std::string> read_attributes(const std::filesystem::path& file);

/// The key that a result in an HDF5 file carries; none if there is no such file or it is damaged.
export std::optional<std::string> key_in(const std::filesystem::path& file);

/// The arrays under their names, and the attributes as texts, for numpy.load; whole or not at all, as write_file.
export void write_npz(const std::filesystem::path& file, const Archive& archive);

}  // namespace repal
