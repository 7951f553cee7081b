#include <accrete/backend/cpu/product.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(product_of_matrices)

namespace {

using accrete::Index;
using accrete::ThreadPool;
using accrete::detail::MatrixView;
using accrete::detail::product;
using accrete::detail::ProductOptions;
using accrete::detail::ProductTile;
using accrete::detail::transposed;

/// A matrix with a gap behind each row, whose content no product may change.
template <class T>
class Matrix {
 public:
  Matrix(Index rows, Index columns, unsigned seed, Index gap = 3)
      : rows_(rows), columns_(columns), stride_(columns + gap) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    numbers_.resize(static_cast<std::size_t>(rows * stride_));
    for (T& number : numbers_) number = static_cast<T>(normal(random));
  }
  [[nodiscard]] MatrixView<T> view() { return {numbers_.data(), rows_, columns_, stride_}; }
  [[nodiscard]] MatrixView<T const> view() const {
    return {numbers_.data(), rows_, columns_, stride_};
  }
  [[nodiscard]] bool operator==(Matrix const& other) const {
    return std::memcmp(numbers_.data(), other.numbers_.data(), numbers_.size() * sizeof(T)) == 0;
  }

 private:
  Index rows_, columns_, stride_;
  std::vector<T> numbers_;
};

/// a * b + c as the machine's packs compute it.
template <class T>
T multiply_add(T a, T b, T c) {
#ifdef EIGEN_HAS_SINGLE_INSTRUCTION_MADD
  return std::fma(a, b, c);
#else
  T volatile const rounded = a * b;
  return rounded + c;
#endif
}

/// The order of product.hpp, spelled out.
template <class T>
void plain_product(MatrixView<T const> a, MatrixView<T const> b, MatrixView<T> c,
                   ProductOptions<T> options) {
  for (Index m = 0; m < c.rows; ++m)
    for (Index n = 0; n < c.columns; ++n) {
      T result = options.accumulate ? *c.at(m, n) : T{0};
      if (options.bias != nullptr) result = multiply_add(options.scale, options.bias[n], result);
      Index k = 0;
      do {
        T sum = 0;
        for (Index end = std::min(k + ProductTile<T>::depth, a.columns); k < end; ++k)
          sum = multiply_add(*a.at(m, k), *b.at(k, n), sum);
        result = multiply_add(options.scale, sum, result);
      } while (k < a.columns);
      *c.at(m, n) = result;
    }
}

/// The three ways in which a layer multiplies.
enum class Form { x_wt, dy_w, dyt_x };
constexpr std::array forms{Form::x_wt, Form::dy_w, Form::dyt_x};

template <class T>
struct Operands {
  Operands(Form form, Index m, Index n, Index k, unsigned seed)
      : form_(form),
        a_(form == Form::dyt_x ? k : m, form == Form::dyt_x ? m : k, seed, seed % 2 * 3),
        b_(form == Form::x_wt ? n : k, form == Form::x_wt ? k : n, seed + 1, seed % 3) {}
  [[nodiscard]] MatrixView<T const> a() const {
    return form_ == Form::dyt_x ? transposed(a_.view()) : a_.view();
  }
  [[nodiscard]] MatrixView<T const> b() const {
    return form_ == Form::x_wt ? transposed(b_.view()) : b_.view();
  }

 private:
  Form form_;
  Matrix<T> a_, b_;
};

template <class T>
void check_against_plain_loops(Form form, Index m, Index n, Index k, unsigned seed) {
  Operands<T> const operands(form, m, n, k, seed);
  Matrix<T> const bias(1, n, seed + 2);
  for (ProductOptions<T> const& options : std::vector<ProductOptions<T>>{
           {}, {.accumulate = true}, {.scale = T(0.3), .bias = bias.view().data}}) {
    Matrix<T> expected(m, n, seed + 3);
    Matrix<T> found = expected;
    plain_product(operands.a(), operands.b(), expected.view(), options);
    product(operands.a(), operands.b(), found.view(), options);
    BOOST_TEST((found == expected), "form " << static_cast<int>(form) << ", M " << m << ", N " << n
                                            << ", K " << k << " differs");
  }
}

using Elements = boost::mpl::list<float, double>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_bit_is_that_of_plain_loops_for_random_sizes, T, Elements) {
  std::mt19937 random(7);
  auto const size = [&](int most) {
    return static_cast<Index>(random() % static_cast<unsigned>(most) + 1);
  };
  for (unsigned round = 0; round < 30; ++round)
    for (Form form : forms)
      check_against_plain_loops<T>(form, size(round % 2 == 0 ? 12 : 50), size(150), size(520),
                                   round);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_bit_is_that_of_plain_loops_at_the_edges, T, Elements) {
  for (Form form : forms) {
    for (Index k : {0, 1, 255, 256, 257, 513}) check_against_plain_loops<T>(form, 7, 65, k, 1);
    for (Index m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 509, 511, 600})
      check_against_plain_loops<T>(form, m, 17, 40, 2);
    for (Index n : {1, 7, 8, 9, 15, 16, 24, 31, 32, 33, 47, 48, 49, 63, 64, 128, 129}) {
      check_against_plain_loops<T>(form, 1, n, 33, 3);
      check_against_plain_loops<T>(form, 19, n, 33, 3);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_bit_is_that_of_plain_loops_where_a_blas_may_help) {
  for (Form form : {Form::x_wt, Form::dy_w})
    check_against_plain_loops<float>(form, 193, 194, 257, 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_number_of_threads_changes_no_bit, T, Elements) {
  for (Form form : forms)
    for (Index m : {1, 3, 67}) {
      Operands<T> const operands(form, m, 1031, 300, 5);
      Matrix<T> expected(m, 1031, 6);
      Matrix<T> const start = expected;
      product(operands.a(), operands.b(), expected.view(), {.accumulate = true});
      for (int threads : {1, 2, 3, 8}) {
        ThreadPool pool(threads);
        Matrix<T> found = start;
        product(pool, operands.a(), operands.b(), found.view(), {.accumulate = true});
        BOOST_TEST((found == expected));
      }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_row_alone_has_the_bits_it_has_among_others, T, Elements) {
  ThreadPool pool(2);
  for (Form form : forms) {
    Operands<T> const operands(form, 500, 200, 300, 8);
    Matrix<T> all(500, 200, 9);
    product(pool, operands.a(), operands.b(), all.view());
    for (Index m : {0, 5, 6, 250, 499}) {
      Matrix<T> row(1, 200, 10);
      product(pool, operands.a().block({m, m + 1}, {0, 300}), operands.b(), row.view());
      BOOST_TEST(std::memcmp(row.view().data, all.view().at(m, 0), 200 * sizeof(T)) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_more_column_changes_no_bit_of_the_others, T, Elements) {
  ThreadPool pool(3);
  for (Index m : {1, 70})
    for (Index n : {63, 64, 1031}) {
      Operands<T> const operands(Form::x_wt, m, n + 1, 96, 11);
      Matrix<T> grown(m, n + 1, 12), before(m, n, 12);
      product(pool, operands.a(), operands.b(), grown.view());
      product(pool, operands.a(), operands.b().block({0, 96}, {0, n}), before.view());
      for (Index row = 0; row < m; ++row)
        BOOST_TEST(std::memcmp(grown.view().at(row, 0), before.view().at(row, 0),
                               static_cast<std::size_t>(n) * sizeof(T)) == 0);
    }
}

BOOST_AUTO_TEST_CASE(infinities_and_nans_stay_in_their_rows_and_columns) {
  for (Index m : {3, 30}) {
    Matrix<float> a(m, 40, 1), b(40, 50, 2), c(m, 50, 3);
    *a.view().at(1, 7) = INFINITY;
    *b.view().at(9, 4) = NAN;
    product(a.view(), b.view(), c.view());
    for (Index row = 0; row < m; ++row)
      for (Index column = 0; column < 50; ++column)
        BOOST_TEST(std::isfinite(*c.view().at(row, column)) == (row != 1 && column != 4));
  }
}

BOOST_AUTO_TEST_SUITE_END()
