module;
#include <Eigen/Core>
#include <cstddef>
#include <vector>
export module repal.panels;

namespace repal {

/// A tall matrix that is multiplied with many others: X^T Y runs at what multiply-adds of the processor allow, as
/// nothing has to be brought into order for it. Columns lie in panels of four, of which each row is together.
export class Panels {
 public:
    Panels() = default;
    explicit Panels(const Eigen::MatrixXd& x);

    Eigen::Index rows() const { return rows_; }
    Eigen::Index cols() const { return cols_; }
    bool empty() const { return values_.empty(); }
    std::size_t bytes() const { return sizeof(double) * values_.size(); }

    /// The matrix itself.
    Eigen::MatrixXd matrix() const;

    /// X^T Y, of as many rows. Shape: (columns of this, columns of y). The same bits for every number of threads and on
    /// every machine of one build: sums over 256 rows are added in their order.
    Eigen::MatrixXd transposed_times(const Panels& y) const;

    /// A strict order by size and contents.
    bool precedes(const Panels& other) const;

 private:
    Eigen::Index rows_ = 0;
    Eigen::Index cols_ = 0;
    std::vector<double> values_;  ///< (panel, row, 4); columns that are lacking are 0
};

}  // namespace repal
