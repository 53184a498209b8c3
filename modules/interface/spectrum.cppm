module;
#include <Eigen/Core>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>
export module repal.spectrum;

export import repal.havok_metric;

namespace repal {

/// Which modes of an operator count, and how: for metrics of eigenvalues, whose Options inherit it.
export struct SpectrumOptions : HavokOptions {
    std::string modes = "all";
    std::int64_t kept = 0;
    std::string time = "steps";

    /// To be joined with HavokOptions::table().
    static auto spectrum_table() {
        return std::tuple{
            Option{&SpectrumOptions::modes,
                   {.name = "modes",
                    .summary = "all, or those that are most nearly eigenfunctions of the dynamics",
                    .choices = {"all", "least_residual"}}},
            Option{&SpectrumOptions::kept,
                   {.name = "kept", .summary = "modes of least residual; 0: as many as the rank", .minimum = 0}},
            Option{&SpectrumOptions::time,
                   {.name = "time",
                    .summary = "eigenvalues of one step, or their logarithms: rates",
                    .choices = {"steps", "continuous"}}}};
    }
};

/// The modes of the operator A of a system, by the Koopman matrix A^T, whose eigenvectors w make eigenfunctions V w.
export struct Spectrum : OperatorEmbedding {
    Spectrum(std::shared_ptr<const Havok> fitted, Eigen::Index used);
    ~Spectrum() override;

    /// Why the modes that `options` name are not there; nothing if they are.
    std::optional<Score> refused(const SpectrumOptions& options) const;

    /// Places of those that count: of least residual, of equal one those that decay least, never one of a conjugate
    /// pair alone.
    std::vector<Eigen::Index> counted(const SpectrumOptions& options) const;

    /// Of one step, or in continuous time per step.
    std::complex<double> rate(Eigen::Index mode, const SpectrumOptions& options) const;

    Eigen::VectorXcd eigenvalues;  ///< (rank); empty: there are none
    Eigen::MatrixXcd vectors;      ///< (rank, rank), columns w, of length 1
    Eigen::VectorXd residuals;     ///< of each: |V+ w - lambda V- w| / |V- w| (Colbrook & Townsend 2024)

 private:
    Eigen::VectorXd found_residuals() const;

    Status status_ = Status::ok;
    std::string cause_;
};

/// Says that more modes count than were asked for, of one of two systems; nothing if not.
export std::vector<std::string> warning_of_pairs(std::size_t of_a, std::size_t of_b, const SpectrumOptions& options);

}  // namespace repal
