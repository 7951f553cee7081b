#include <accrete/backend/cuda/backend.hpp>

#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "support/all_close.hpp"
#include "support/fake_cuda.hpp"
#include "support/scratch_folder.hpp"
#include "support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(cuda_product)

namespace {

using accrete_test::FakeCuda;
using accrete_test::Index;
using accrete_test::random_values;
using accrete_test::says;

std::shared_ptr<FakeCuda> fake() {
  return std::make_shared<FakeCuda>(FakeCuda::Settings{.checks_memory = false});
}
template <class T>
std::vector<T> random_numbers(char const* name, Index count) {
  auto const values = random_values(name, count);
  std::vector<T> numbers;
  for (double const value : values) numbers.push_back(static_cast<T>(value));
  return numbers;
}

/// A product of rows that stand in wider matrices, in any combination of transposes.
template <class T, class Out>
void check_product(accrete::cuda::CudaProduct& product, Index m, Index n, Index k,
                   bool a_transposed, bool b_transposed, bool has_bias, double alpha, double beta) {
  Index const a_stride = (a_transposed ? m : k) + 3, b_stride = (b_transposed ? k : n) + 1;
  Index const out_stride = n + 2;
  auto const a = random_numbers<T>("a", (a_transposed ? k : m) * a_stride);
  auto const b = random_numbers<T>("b", (b_transposed ? n : k) * b_stride);
  auto const bias = random_numbers<T>("bias", n);
  auto out = random_numbers<Out>("out", m * out_stride);
  std::vector<double> expected;
  for (Out const value : out) expected.push_back(static_cast<double>(value));
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      double sum = 0;
      for (Index l = 0; l < k; ++l)
        sum +=
            static_cast<double>(
                a[std::size_t(a_transposed ? l * a_stride + i : i * a_stride + l)]) *
            static_cast<double>(b[std::size_t(b_transposed ? j * b_stride + l : l * b_stride + j)]);
      double& result = expected[std::size_t(i * out_stride + j)];
      result =
          alpha * sum + beta * result + (has_bias ? static_cast<double>(bias[std::size_t(j)]) : 0);
    }
  product.run(accrete::cuda::ProductCall<T, Out>{.rows = m,
                                                 .columns = n,
                                                 .inner = k,
                                                 .a = {a.data(), a_stride, a_transposed},
                                                 .b = {b.data(), b_stride, b_transposed},
                                                 .bias = has_bias ? bias.data() : nullptr,
                                                 .out = out.data(),
                                                 .out_stride = out_stride,
                                                 .alpha = alpha,
                                                 .beta = beta});
  std::vector<double> actual;
  for (Out const value : out) actual.push_back(static_cast<double>(value));
  BOOST_TEST(accrete_test::all_close(actual, expected, 16 * accrete_test::epsilon<Out>));
}

template <class T, class Out>
void check_all_products(accrete::cuda::CudaProduct& product) {
  for (bool const a_transposed : {false, true})
    for (bool const b_transposed : {false, true})
      for (bool const has_bias : {false, true}) {
        check_product<T, Out>(product, 5, 7, 3, a_transposed, b_transposed, has_bias, 0.5, 0);
        check_product<T, Out>(product, 1, 1, 67, a_transposed, b_transposed, has_bias, 1, 1);
      }
}

/// One (4,4) = (4,4) x (4,4).
void multiply(accrete::cuda::CudaProduct& product, double beta = 0, Index rows = 4) {
  std::vector<float> a(64, 1.0F), b(64, 1.0F), out(64, 1.0F);
  product.run(accrete::cuda::ProductCall<float, float>{.rows = rows,
                                                       .columns = 4,
                                                       .inner = 4,
                                                       .a = {a.data(), 4, false},
                                                       .b = {b.data(), 4, false},
                                                       .out = out.data(),
                                                       .out_stride = 4,
                                                       .beta = beta});
  BOOST_TEST(out[0] == static_cast<float>(4 + beta));
}

accrete::CudaBackend backend_on(std::shared_ptr<FakeCuda> const& api,
                                accrete::CudaOptions const& options = {}) {
  return accrete::CudaBackend(api, options);
}

}  // namespace

BOOST_AUTO_TEST_CASE(row_major_products_in_every_form) {
  accrete::CudaBackend const backend(fake());
  check_all_products<float, float>(backend.product());
  check_all_products<double, double>(backend.product());
  check_all_products<accrete::bfloat16, accrete::bfloat16>(backend.product());
  BOOST_TEST(backend.product().refused().empty());
}

BOOST_AUTO_TEST_CASE(what_cublas_refuses_is_computed_all_the_same_and_named) {
  auto const api = fake();
  api->settings().refuses = [](Index, Index, Index) { return true; };
  accrete::CudaBackend const backend(api);
  check_all_products<float, float>(backend.product());
  check_all_products<accrete::bfloat16, accrete::bfloat16>(backend.product());
  BOOST_TEST(backend.product().refused().size() > 0u);
  BOOST_TEST(backend.product().refused().front().starts_with("(5,3) x (3,7)"));
}

BOOST_AUTO_TEST_CASE(the_fastest_is_taken_and_asked_for_once_per_form) {
  auto const api = fake();
  auto const backend = backend_on(api);
  multiply(backend.product());
  BOOST_TEST(api->last_algorithm() == 2u);
  for (int i = 0; i < 3; ++i) multiply(backend.product());
  BOOST_TEST(api->heuristics() == 1);
  multiply(backend.product(), 1);  // timing adds nothing to the result
  multiply(backend.product(), 0, 3);
  BOOST_TEST(api->heuristics() == 3);
}

BOOST_AUTO_TEST_CASE(deterministic_takes_the_first_and_times_nothing) {
  auto const api = fake();
  auto const backend = backend_on(api, {.deterministic = true});
  multiply(backend.product());
  BOOST_TEST(api->last_algorithm() == 1u);
}

BOOST_AUTO_TEST_CASE(choices_are_kept_from_run_to_run) {
  accrete_test::ScratchFolder const folder;
  auto const file = folder / "choices.json";
  multiply(backend_on(fake(), {.choices = file}).product());
  auto const api = fake();
  auto const backend = backend_on(api, {.deterministic = true, .choices = file});
  multiply(backend.product());
  BOOST_TEST(api->heuristics() == 0);
  BOOST_TEST(api->last_algorithm() == 2u);

  // Another driver's choices are not taken, and stay in the file.
  auto const other = fake();
  other->settings().driver_version = 13010;
  multiply(backend_on(other, {.deterministic = true, .choices = file}).product());
  BOOST_TEST(other->heuristics() == 1);
  auto const third = fake();
  multiply(backend_on(third, {.choices = file}).product());
  BOOST_TEST(third->heuristics() == 0);
}

BOOST_AUTO_TEST_CASE(a_choice_that_no_longer_fits_is_made_anew) {
  accrete_test::ScratchFolder const folder;
  auto const file = folder / "choices.json";
  multiply(backend_on(fake(), {.choices = file}).product());
  auto const api = fake();
  api->settings().milliseconds = {1};
  multiply(backend_on(api, {.choices = file}).product());
  BOOST_TEST(api->heuristics() == 1);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_of_choices_is_refused) {
  accrete_test::ScratchFolder const folder;
  auto const file = folder / "choices.json";
  for (char const* text : {"[]", "{\"Fake, driver 13000, cuBLAS 130002\": 7}",
                           "{\"Fake, driver 13000, cuBLAS 130002\": {\"product\": \"12\"}}"}) {
    accrete::write_file_atomically(file, text);
    BOOST_CHECK_THROW(backend_on(fake(), {.choices = file}), accrete::FileError);
  }
}

BOOST_AUTO_TEST_CASE(the_backend_names_card_driver_and_library) {
  BOOST_TEST(backend_on(fake()).description() ==
             "cuda: Fake (8.0), driver 13.0, cuBLASLt 13.0.2, float");
  BOOST_TEST(backend_on(fake(), {.tf32 = true}).description().ends_with("products in tf32"));
}

BOOST_AUTO_TEST_SUITE_END()
