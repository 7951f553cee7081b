#include <accrete/backend/cpu/column_sums.hpp>
#include <accrete/backend/cpu/pack.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pack)

namespace {

using namespace accrete_test;
using accrete::IndexRange;
using accrete::detail::Pack;

using Reals = std::tuple<float, double>;

template <class T>
std::vector<T> random_row(char const* name, Index count) {
  return Tensor<T, 1>(random_values(name, count), {count}).values();
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_of_any_length_are_covered_and_nothing_more, T, Reals) {
  for (Index count = 0; count <= 3 * Pack<T>::width + 1; ++count) {
    std::vector<T> row(static_cast<std::size_t>(count) + 1, T{1});
    accrete::detail::for_each_pack<T>(
        count, [&](auto at) { at.store(row.data(), at.load(row.data()) + Pack<T>(T{1})); });
    std::vector<T> expected(static_cast<std::size_t>(count), T{2});
    expected.push_back(T{1});
    BOOST_TEST(row == expected);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_product_is_rounded_by_itself, T, Reals) {
  // Otherwise the last, partial pack may be rounded in another way than the others.
  constexpr Index count = 1031;
  auto const a = random_row<T>("a", count), b = random_row<T>("b", count);
  auto const c = random_row<T>("c", count), d = random_row<T>("d", count);
  std::vector<T> actual(a), expected;
  accrete::detail::for_each_pack<T>(count, [&](auto at) {
    at.store(actual.data(),
             at.load(a.data()) * at.load(b.data()) - at.load(c.data()) * at.load(d.data()));
  });
  for (std::size_t i = 0; i < a.size(); ++i) {
    T const volatile first = a[i] * b[i];
    T const volatile second = c[i] * d[i];
    expected.push_back(first - second);
  }
  BOOST_TEST(same_bits(actual, expected));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sums_are_exact_where_numbers_are, T, Reals) {
  for (Index count = 0; count <= 9 * Pack<T>::width; ++count) {
    std::vector<T> row(static_cast<std::size_t>(count));
    std::iota(row.begin(), row.end(), T{1});
    BOOST_TEST(accrete::detail::sum_over_packs<T>(count, [&](auto at) {
                 return at.load(row.data());
               }) == static_cast<T>(count * (count + 1) / 2));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_greatest_may_stand_anywhere, T, Reals) {
  for (std::size_t const count : {1u, 5u, 16u, 33u, 100u})
    for (std::size_t place = 0; place < count; ++place) {
      std::vector<T> row(count, T{-3});
      row[place] = T{-1};
      BOOST_TEST(accrete::detail::greatest_of(static_cast<Index>(count), row.data()) == T{-1});
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(column_sums_take_the_rows_in_order, T, Reals) {
  constexpr Index rows = 37, columns = 700;
  auto const x = random_row<T>("x", rows * columns);
  auto const add = [&](IndexRange range, std::vector<T>& sums) {
    accrete::detail::add_column_sums<T>(
        rows, range, T{0.5}, sums.data(),
        [&](Index n, Index begin, auto at) { return at.load(x.data() + n * columns + begin); });
  };
  std::vector<T> whole(columns, T{1}), in_parts(columns, T{1}), expected(columns);
  add({0, columns}, whole);
  add({0, 3}, in_parts);
  add({3, 600}, in_parts);
  add({600, columns}, in_parts);
  for (std::size_t c = 0; c < columns; ++c) {
    T sum{0};
    for (std::size_t n = 0; n < rows; ++n) sum += x[n * columns + c];
    expected[c] = 1 + sum / 2;
  }
  BOOST_TEST(same_bits(whole, expected));
  BOOST_TEST(same_bits(in_parts, expected));
}

BOOST_AUTO_TEST_SUITE_END()
