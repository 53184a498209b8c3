#include "lbfgs.hpp"

#include <ceres/gradient_problem.h>
#include <ceres/gradient_problem_solver.h>
#include <ceres/manifold.h>
#include <ceres/solver.h>

#include <cstdlib>
#include <string>

namespace repal {
namespace {

class Manifold final : public ceres::Manifold {
 public:
    explicit Manifold(const ManifoldFunction& function) : function_(function) {}

    int AmbientSize() const override { return function_.ambient_size(); }
    int TangentSize() const override { return function_.tangent_size(); }

    bool Plus(const double* point, const double* step, double* result) const override {
        function_.plus(point, step, result);
        return true;
    }

    bool RightMultiplyByPlusJacobian(const double* point, const int rows, const double* gradients,
                                     double* tangents) const override {
        for (int row = 0; row < rows; ++row, gradients += AmbientSize(), tangents += TangentSize())
            function_.pull_back(point, gradients, tangents);
        return true;
    }

    // The gradient solver asks for none of these.
    bool PlusJacobian(const double*, double*) const override { return false; }
    bool Minus(const double*, const double*, double*) const override { return false; }
    bool MinusJacobian(const double*, double*) const override { return false; }

 private:
    const ManifoldFunction& function_;
};

class Cost final : public ceres::FirstOrderFunction {
 public:
    explicit Cost(const ManifoldFunction& function) : function_(function) {}

    bool Evaluate(const double* point, double* cost, double* gradient) const override {
        *cost = function_.evaluate(point, gradient);
        return true;
    }

    int NumParameters() const override { return function_.ambient_size(); }

 private:
    const ManifoldFunction& function_;
};

}  // namespace

int minimise(const ManifoldFunction& function, double* point, double gradient_tolerance, int max_iterations) {
    const ceres::GradientProblem problem(new Cost(function), new Manifold(function));
    ceres::GradientProblemSolver::Options options;
    options.logging_type = ceres::SILENT;
    options.max_num_iterations = max_iterations;
    options.gradient_tolerance = gradient_tolerance;
    options.function_tolerance = 0;
    options.parameter_tolerance = 0;
    ceres::GradientProblemSolver::Summary summary;
    ceres::Solve(options, problem, point, &summary);
    return static_cast<int>(summary.iterations.size());
}

}  // namespace repal

// Two functions of Ceres are replaced, so that the linker takes none of its least squares: that part alone needs
// SuiteSparse (some of it GPL), LAPACK and BLAS.
namespace ceres {

// Checks options for least squares, too; ours are fixed.
bool Solver::Options::IsValid(std::string*) const {
    return true;
}

namespace internal {

class LinearSolver {
 public:
    struct Options;
    static void Create(const Options&);
};

// L-BFGS solves no linear system.
void LinearSolver::Create(const Options&) {
    std::abort();
}

}  // namespace internal
}  // namespace ceres
