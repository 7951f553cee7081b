#include <accrete/substrate/pca.hpp>

#include <Eigen/Core>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <accrete/io/sha256.hpp>
#include <support/all_close.hpp>
#include <support/error_text.hpp>

#include "random_bits.hpp"

BOOST_AUTO_TEST_SUITE(pca)

namespace {

using accrete::BitMatrix;
using accrete::Index;
using accrete::PcaBasis;
using accrete_test::all_close;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Fitted {
  PcaBasis basis;
  std::vector<float> table;
};

Fitted fit(BitMatrix const& bits, Index width, int threads = 1) {
  accrete::ThreadPool pool(threads);
  PcaBasis basis = accrete::fit_pca(bits, width, pool);
  auto table = accrete::project_normalized(basis, bits, pool);
  return {std::move(basis), std::move(table)};
}

Matrix centred(BitMatrix const& bits) {
  Matrix rows(bits.rows(), bits.columns());
  for (Index r = 0; r < bits.rows(); ++r) {
    for (Index c = 0; c < bits.columns(); ++c) rows(r, c) = bits.at(r, c) ? 1.0 : 0.0;
  }
  return rows.rowwise() - rows.colwise().mean();
}

Eigen::Map<Matrix const> components(PcaBasis const& basis) {
  return {basis.components.data(), basis.bit_count, basis.width};
}

}  // namespace

// PCA(4, svd_solver="full") of scikit-learn 1.9.1, largest entry of each component positive, rows
// divided by their norms.
BOOST_AUTO_TEST_CASE(variances_and_table_equal_those_of_scikit_learn) {
  auto const bits =
      accrete_test::bits_of({"001010", "001110", "010111", "000111", "011001", "110010", "100010",
                             "001100", "000111", "110000", "000001", "010011"});
  std::vector<double> const variances{0.4923014487007435, 0.3946450007592112, 0.3049115019818154,
                                      0.158122102227769};
  std::vector<double> const table{0.187658742,  -0.951598664,  0.0646401274,  0.234661102,    //
                                  0.638569706,  -0.657648875,  0.234421677,   0.323686831,    //
                                  0.297580774,  0.82914482,    0.125738531,   0.456239381,    //
                                  0.749489728,  0.485294197,   0.387960549,   -0.228563563,   //
                                  -0.130759039, 0.0963704758,  -0.9582375,    0.235362907,    //
                                  -0.875090729, -0.0182648858, 0.414815739,   0.248617199,    //
                                  -0.55138771,  -0.343192941,  0.676138934,   -0.347888402,   //
                                  0.507509526,  -0.771381128,  -0.378642793,  -0.0635206367,  //
                                  0.749489728,  0.485294197,   0.387960549,   -0.228563563,   //
                                  -0.967645029, -0.143319905,  -0.171573265,  -0.116983409,   //
                                  0.0321940693, 0.278937646,   -0.517855893,  -0.808073391,   //
                                  -0.300745092, 0.894059633,   -0.0957489945, 0.317870873};
  auto const fitted = fit(bits, 4);
  BOOST_TEST(all_close(fitted.basis.variances, variances, 1e-12, 0.0));
  BOOST_TEST(all_close(fitted.table, table, 0.0, 1e-7));
}

BOOST_AUTO_TEST_CASE(components_are_the_eigenvectors_of_the_covariance) {
  auto const bits = accrete_test::random_bits(500, 90);
  auto const fitted = fit(bits, 90);
  Matrix const rows = centred(bits);
  Matrix const covariance = rows.transpose() * rows / 499.0;
  auto const v = components(fitted.basis);
  Eigen::Map<Eigen::VectorXd const> const variances(fitted.basis.variances.data(), 90);
  BOOST_TEST((covariance * v - v * variances.asDiagonal()).cwiseAbs().maxCoeff() <= 1e-13);
  BOOST_TEST((v.transpose() * v - Matrix::Identity(90, 90)).cwiseAbs().maxCoeff() <= 1e-13);
}

BOOST_AUTO_TEST_CASE(all_components_together_reconstruct_the_bits) {
  auto const bits = accrete_test::random_bits(300, 40);
  auto const fitted = fit(bits, 40);
  Matrix const rows = centred(bits);
  for (Index r = 0; r < 300; ++r) {
    Eigen::VectorXd y(40);
    for (Index c = 0; c < 40; ++c) y(c) = fitted.table[static_cast<std::size_t>(r * 40 + c)];
    Eigen::VectorXd const back = components(fitted.basis) * y * rows.row(r).norm();
    BOOST_TEST((back.transpose() - rows.row(r)).cwiseAbs().maxCoeff() <= 1e-5);
  }
}

// Around whole panels of sixteen components and whole tasks of 256 rows.
BOOST_DATA_TEST_CASE(the_table_equals_a_projection_in_plain_double,
                     boost::unit_test::data::make({1, 15, 16, 17, 33, 70}), width) {
  auto const bits = accrete_test::random_bits(515, 70);
  auto const fitted = fit(bits, width);
  Matrix expected = centred(bits) * components(fitted.basis);
  expected.rowwise().normalize();
  BOOST_TEST(all_close(fitted.table,
                       std::span(expected.data(), static_cast<std::size_t>(expected.size())), 0.0,
                       1e-6));
}

BOOST_AUTO_TEST_CASE(equal_rows_stay_equal) {
  auto const bits = accrete_test::bits_of({"1100", "0110", "1100", "0011", "0000"});
  auto const table = fit(bits, 3).table;
  for (std::size_t c = 0; c < 3; ++c) BOOST_TEST(table[c] == table[6 + c]);
}

BOOST_AUTO_TEST_CASE(a_row_without_ink_is_a_row_like_others) {
  auto const bits = accrete_test::bits_of({"1100", "0110", "0000", "0011"});
  auto const table = fit(bits, 4).table;
  float length = 0.0F;
  for (std::size_t c = 0; c < 4; ++c) length += table[8 + c] * table[8 + c];
  BOOST_TEST(std::abs(length - 1.0F) < 1e-6F);
}

BOOST_AUTO_TEST_CASE(rows_on_the_mean_become_zeros) {
  for (auto const* row : {"0000", "1010"}) {
    auto const fitted = fit(accrete_test::bits_of({row, row, row}), 4);
    BOOST_TEST(fitted.table == std::vector<float>(12, 0.0F));
    BOOST_TEST(fitted.basis.variances == std::vector<double>(4, 0.0));
  }
  BOOST_TEST(fit(accrete_test::bits_of({"01"}), 2).table == std::vector<float>(2, 0.0F));
}

BOOST_AUTO_TEST_CASE(bits_depend_on_neither_threads_nor_compiler_nor_vector_unit) {
  auto const bits = accrete_test::random_bits(700, 150);
  auto const hash = [&](int threads) {
    auto const table = fit(bits, 50, threads).table;
    return accrete::sha256_hex(std::as_bytes(std::span(table)));
  };
  std::string const alone = hash(1);
  BOOST_TEST(alone == "314c4d6579579193b51c63cec6911821cc70caf33b96a2710c5f6dbf92038490");
  BOOST_TEST(hash(2) == alone);
  BOOST_TEST(hash(3) == alone);
}

BOOST_AUTO_TEST_CASE(wrong_widths_are_rejected) {
  using accrete_test::says;
  auto const bits = accrete_test::random_bits(10, 20);
  BOOST_CHECK_EXCEPTION(fit(bits, 21), accrete::ShapeError, says("1 to 20", "width 21"));
  BOOST_CHECK_EXCEPTION(fit(bits, 0), accrete::ShapeError, says("width 0"));
  BOOST_CHECK_EXCEPTION(fit(BitMatrix(0, 20), 1), accrete::ShapeError, says("0 rows"));
  accrete::ThreadPool pool(1);
  auto const basis = accrete::fit_pca(bits, 3, pool);
  BOOST_CHECK_EXCEPTION((void)accrete::project_normalized(basis, BitMatrix(1, 19), pool),
                        accrete::ShapeError, says("20 bits, got 19"));
}

BOOST_AUTO_TEST_SUITE_END()
