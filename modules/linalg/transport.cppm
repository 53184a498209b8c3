module;
#include <Eigen/Core>
#include <cstddef>
#include <vector>
export module repal.transport;

namespace repal {

/// The column of each row, all different, with the smallest sum of costs, of at least as many columns as rows. Of equal
/// ones the first column. O(rows^2 columns).
/// Source: Jonker & Volgenant 1987.
export std::vector<Eigen::Index> cheapest_assignment(const Eigen::MatrixXd& cost);

/// How the mass of the rows, 1 / rows each, is moved to the columns, which take 1 / columns each.
export struct Transport {
    struct Move {
        Eigen::Index row;
        Eigen::Index column;
        double mass;
    };
    std::vector<Move> moves;  ///< by row, then column; their masses add to 1
    double cost = 0;          ///< sum of mass * cost
    double lower_bound = 0;   ///< of all transports, by dual prices: no one costs less

    /// Whether the cost is the least one up to rounding of costs of this size.
    bool is_proven(double largest_cost) const;
};

/// Exact: whole units of mass along shortest augmenting paths of reduced costs, cost(i, j) - u_i - v_j >= 0.
/// Costs may be negative, and are finite.
/// Source: Ahuja, Magnanti & Orlin 1993, section 9.7 (successive shortest paths).
export Transport cheapest_transport(const Eigen::MatrixXd& cost);

}  // namespace repal
