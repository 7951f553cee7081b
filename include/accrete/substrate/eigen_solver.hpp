/// Who finds the eigenvectors of a covariance: a value, so that a program may bring its own.
#pragma once

#include <functional>
#include <span>
#include <string>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/substrate/symmetric_eigen.hpp>

ACCRETE_BEGIN_NAMESPACE

/// `solve` keeps the promises of `symmetric_eigen`, its rule of signs too, but perhaps not the one
/// of equal bits on every machine. `name` goes into the provenance.
struct EigenSolver {
  std::string name;
  std::function<SymmetricEigen(std::span<double const> matrix, Index n, Index count,
                               ThreadPool& pool)>
      solve;
};

/// `symmetric_eigen`: the same bits on every machine. See lapack_eigen_solver.hpp for another.
[[nodiscard]] inline EigenSolver portable_eigen_solver() {
  return {"portable", &symmetric_eigen};
}

ACCRETE_END_NAMESPACE
