#include <accrete/backend/cuda/linear.hpp>

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

using accrete::cuda::Epilogue;

/// A product of rows that stand in wider matrices, in any combination of transposes. Returns whether the epilogue was
/// computed.
template <class T, class Out>
bool check_product(accrete::cuda::CudaProduct& product, Index m, Index n, Index k,
                   bool a_transposed, bool b_transposed, Epilogue epilogue, double alpha,
                   double beta) {
  Index const a_stride = (a_transposed ? m : k) + 3, b_stride = (b_transposed ? k : n) + 1;
  Index const out_stride = n + 2;
  auto const a = random_numbers<T>("a", (a_transposed ? k : m) * a_stride);
  auto const b = random_numbers<T>("b", (b_transposed ? n : k) * b_stride);
  auto const bias = random_numbers<Out>("bias", n);
  std::vector<Out> row_sums(std::size_t(m), static_cast<Out>(7));
  auto out = random_numbers<Out>("out", m * out_stride);
  std::vector<double> expected, expected_sums(std::size_t(m), 7);
  for (Out const value : out) expected.push_back(static_cast<double>(value));
  bool const done = product.run(accrete::cuda::ProductCall<T, Out>{
      .rows = m,
      .columns = n,
      .inner = k,
      .a = {a.data(), a_stride, a_transposed},
      .b = {b.data(), b_stride, b_transposed},
      .bias = epilogue == Epilogue::bias ? bias.data() : nullptr,
      .row_sums = epilogue == Epilogue::bias_gradient_b ? row_sums.data() : nullptr,
      .out = out.data(),
      .out_stride = out_stride,
      .alpha = alpha,
      .beta = beta});
  auto const a_at = [&](Index i, Index l) {
    return static_cast<double>(a[std::size_t(a_transposed ? l * a_stride + i : i * a_stride + l)]);
  };
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      double sum = 0;
      for (Index l = 0; l < k; ++l)
        sum += a_at(i, l) * static_cast<double>(
                                b[std::size_t(b_transposed ? j * b_stride + l : l * b_stride + j)]);
      double& result = expected[std::size_t(i * out_stride + j)];
      result = alpha * sum + beta * result;
      if (done && epilogue == Epilogue::bias) result += static_cast<double>(bias[std::size_t(j)]);
    }
  if (done && epilogue == Epilogue::bias_gradient_b)
    for (Index i = 0; i < m; ++i) {
      double& sum = expected_sums[std::size_t(i)];
      sum = 0;
      for (Index l = 0; l < k; ++l) sum += a_at(i, l);
    }
  auto const doubles = [](std::vector<Out> const& values) {
    std::vector<double> wide;
    for (Out const value : values) wide.push_back(static_cast<double>(value));
    return wide;
  };
  BOOST_TEST(accrete_test::all_close(doubles(out), expected, 16 * accrete_test::epsilon<Out>));
  BOOST_TEST(
      accrete_test::all_close(doubles(row_sums), expected_sums, 16 * accrete_test::epsilon<Out>));
  return done;
}

template <class T, class Out>
void check_all_products(accrete::cuda::CudaProduct& product, bool has_epilogues) {
  for (bool const a_transposed : {false, true})
    for (bool const b_transposed : {false, true})
      for (auto const epilogue : {Epilogue::none, Epilogue::bias, Epilogue::bias_gradient_b}) {
        bool const done = has_epilogues && epilogue != Epilogue::none;
        auto const check = [&](Index m, Index n, Index k, double alpha, double beta) {
          BOOST_TEST((check_product<T, Out>(product, m, n, k, a_transposed, b_transposed, epilogue,
                                            alpha, beta) == done));
        };
        check(5, 7, 3, 0.5, 0);
        check(1, 1, 67, 1, 1);
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
  check_all_products<float, float>(backend.product(), true);
  check_all_products<double, double>(backend.product(), true);
  check_all_products<accrete::bfloat16, accrete::bfloat16>(backend.product(), true);
  check_all_products<accrete::bfloat16, float>(backend.product(), true);
  BOOST_TEST(backend.product().refused().empty());
}

BOOST_AUTO_TEST_CASE(what_cublas_refuses_is_computed_all_the_same_and_named) {
  auto const api = fake();
  api->settings().refuses = [](Index, Index, Index) { return true; };
  accrete::CudaBackend const backend(api);
  check_all_products<float, float>(backend.product(), false);
  check_all_products<accrete::bfloat16, accrete::bfloat16>(backend.product(), false);
  BOOST_TEST(backend.product().refused().size() > 0u);
  BOOST_TEST(backend.product().refused().front().starts_with("(5,3) x (3,7)"));
}

BOOST_AUTO_TEST_CASE(a_refused_epilogue_leaves_the_product_to_cublas) {
  auto const api = fake();
  api->settings().refuses_epilogues = true;
  accrete::CudaBackend const backend(api);
  check_all_products<float, float>(backend.product(), false);
  check_all_products<accrete::bfloat16, float>(backend.product(), false);
  BOOST_TEST(api->launches_by_name().count("plain_product") == 0u);
  BOOST_TEST(backend.product().refused().front().starts_with("(5,3) x (3,7) + bias"));
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_bias_is_the_same_in_the_epilogue_and_by_kernels) {
  constexpr Index rows = 300, inputs = 5, outputs = 7;
  auto const grad_out = random_numbers<float>("grad_out", rows * outputs);
  auto const x = random_numbers<float>("x", rows * inputs);
  auto const gradient = [&](accrete::CudaOptions const& options, bool refuses, double scale) {
    auto const api = fake();
    api->settings().refuses_epilogues = refuses;
    auto const backend = backend_on(api, options);
    std::vector<float> grad_weight(inputs * outputs, 0.5F), grad_bias(outputs, 0.5F);
    accrete::linear_backward<accrete::CudaBackend>(
        backend, {grad_out.data(), {rows, outputs}}, {x.data(), {rows, inputs}},
        {nullptr, {outputs, inputs}}, {}, {grad_weight.data(), {outputs, inputs}},
        {grad_bias.data(), {outputs}}, {.scale = scale});
    bool const fused = api->launches_by_name().at("linear_backward: bias") == 1;
    BOOST_TEST(fused == (options.fuse_bias_gradients && !refuses && scale == 1));
    grad_bias.insert(grad_bias.end(), grad_weight.begin(), grad_weight.end());
    return std::vector<double>(grad_bias.begin(), grad_bias.end());
  };
  for (double const scale : {1.0, 0.5}) {
    auto const expected = gradient({.fuse_bias_gradients = false}, false, scale);
    BOOST_TEST(accrete_test::all_close(gradient({}, false, scale), expected, 1e-5));
    BOOST_TEST(accrete_test::all_close(gradient({}, true, scale), expected, 1e-5));
  }
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
