#include <accrete/substrate/symmetric_eigen.hpp>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <accrete/io/sha256.hpp>
#include <support/all_close.hpp>
#include <support/error_text.hpp>

BOOST_AUTO_TEST_SUITE(symmetric_eigen)

namespace {

using accrete::Index;
using accrete::SymmetricEigen;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> random_symmetric(Index n, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<double> matrix(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      double const value = static_cast<double>(random() % 2001) - 1000.0;
      matrix[static_cast<std::size_t>(i * n + j)] = value;
      matrix[static_cast<std::size_t>(j * n + i)] = value;
    }
  }
  return matrix;
}

SymmetricEigen solve(std::vector<double> const& matrix, Index n, Index count, int threads = 1) {
  accrete::ThreadPool pool(threads);
  return accrete::symmetric_eigen(matrix, n, count, pool);
}

/// Orthogonality and A V = V D, relative to the largest eigenvalue.
void check_decomposition(std::vector<double> const& matrix, Index n) {
  SymmetricEigen const eigen = solve(matrix, n, n);
  Eigen::Map<Matrix const> const a(matrix.data(), n, n);
  Eigen::Map<Matrix const> const v(eigen.vectors.data(), n, n);
  Eigen::Map<Eigen::VectorXd const> const d(eigen.values.data(), n);
  double const norm = std::max(a.cwiseAbs().maxCoeff(), 1e-300);
  double const bound = 1e-14 * static_cast<double>(n);
  BOOST_TEST((v.transpose() * v - Matrix::Identity(n, n)).cwiseAbs().maxCoeff() <= bound);
  BOOST_TEST((a * v - v * d.asDiagonal()).cwiseAbs().maxCoeff() <= bound * norm);
  for (Index c = 1; c < n; ++c) BOOST_TEST(d(c - 1) >= d(c));
}

}  // namespace

BOOST_DATA_TEST_CASE(vectors_are_orthonormal_and_solve_the_equation,
                     boost::unit_test::data::make({1, 2, 3, 7, 8, 9, 16, 17, 33, 100}), n) {
  check_decomposition(random_symmetric(n), n);
}

BOOST_AUTO_TEST_CASE(values_equal_those_of_another_solver) {
  constexpr Index n = 60;
  auto const matrix = random_symmetric(n);
  Eigen::SelfAdjointEigenSolver<Matrix> const other(Eigen::Map<Matrix const>(matrix.data(), n, n));
  Eigen::VectorXd const expected = other.eigenvalues().reverse();
  BOOST_TEST(accrete_test::all_close(solve(matrix, n, n).values,
                                     std::span(expected.data(), static_cast<std::size_t>(n)), 0.0,
                                     1e-10));
}

BOOST_AUTO_TEST_CASE(equal_and_vanishing_eigenvalues_do_no_harm) {
  check_decomposition(std::vector<double>(64, 0.0), 8);
  check_decomposition(std::vector<double>(400, 1.0), 20);  // rank one
  std::vector<double> diagonal(400, 0.0);
  for (std::size_t i = 0; i < 20; ++i) diagonal[21 * i] = i < 10 ? 3.0 : -2.0;
  check_decomposition(diagonal, 20);
}

BOOST_AUTO_TEST_CASE(very_large_and_very_small_matrices_are_scaled) {
  for (double const factor : {0x1p+1000, 0x1p-1000}) {
    auto matrix = random_symmetric(12);
    auto const expected = solve(matrix, 12, 12);
    for (double& entry : matrix) entry *= factor;
    auto const scaled = solve(matrix, 12, 12);
    BOOST_TEST(scaled.vectors == expected.vectors);
    BOOST_TEST(scaled.values[0] == expected.values[0] * factor);
  }
}

BOOST_AUTO_TEST_CASE(fewer_vectors_are_the_first_of_all) {
  auto const matrix = random_symmetric(40);
  auto const all = solve(matrix, 40, 40);
  auto const some = solve(matrix, 40, 7);
  for (std::size_t c = 0; c < 7; ++c) {
    BOOST_TEST(some.values[c] == all.values[c]);
    for (std::size_t i = 0; i < 40; ++i)
      BOOST_TEST(some.vectors[i * 7 + c] == all.vectors[i * 40 + c]);
  }
}

BOOST_AUTO_TEST_CASE(the_largest_entry_of_each_vector_is_positive_and_of_equal_ones_the_first) {
  auto const eigen = solve(random_symmetric(30), 30, 30);
  for (std::size_t c = 0; c < 30; ++c) {
    double largest = 0.0;
    for (std::size_t i = 0; i < 30; ++i) {
      double const entry = eigen.vectors[i * 30 + c];
      if (std::abs(entry) > std::abs(largest)) largest = entry;
    }
    BOOST_TEST(largest > 0.0);
  }
  std::vector<double> columns{-0.5, 0.5,   //
                              0.5,  -0.5,  //
                              0.1,  0.7};
  accrete::detail::orient_columns(columns, 3, 2);
  std::vector<double> const expected{0.5, 0.5, -0.5, -0.5, -0.1, 0.7};
  BOOST_TEST(columns == expected);
}

BOOST_AUTO_TEST_CASE(bits_depend_on_neither_threads_nor_compiler_nor_vector_unit) {
  auto const matrix = random_symmetric(100);
  auto const hash = [&](int threads) {
    auto const eigen = solve(matrix, 100, 100, threads);
    return accrete::sha256_hex(std::as_bytes(std::span(eigen.vectors)));
  };
  std::string const alone = hash(1);
  BOOST_TEST(alone == "4bccc52ceb1c1124b67c83b6f4763b22ebc2744b4b07a7584519536e09eb1d3d");
  BOOST_TEST(hash(2) == alone);
  BOOST_TEST(hash(5) == alone);
}

BOOST_AUTO_TEST_CASE(wrong_sizes_and_numbers_are_rejected) {
  using accrete_test::says;
  std::vector<double> matrix(9, 1.0);
  BOOST_CHECK_EXCEPTION(solve(matrix, 4, 1), accrete::ShapeError, says("9 entries", "n = 4"));
  BOOST_CHECK_EXCEPTION(solve(matrix, 3, 4), accrete::ShapeError, says("count = 4"));
  BOOST_CHECK_EXCEPTION(solve(matrix, 3, 0), accrete::ShapeError, says("count = 0"));
  BOOST_CHECK_EXCEPTION(solve({}, 0, 0), accrete::ShapeError, says("n = 0"));
  matrix[4] = std::numeric_limits<double>::infinity();
  BOOST_CHECK_EXCEPTION(solve(matrix, 3, 3), accrete::NumericError, says("not finite"));
}

BOOST_AUTO_TEST_SUITE_END()
