#include <accrete/backend/cuda/column_sums.hpp>
#include <accrete/backend/cuda/context.hpp>

#include <boost/test/unit_test.hpp>

#include <numeric>

#include "support/all_close.hpp"
#include "support/fake_cuda.hpp"

namespace {

using accrete_test::FakeCuda;
using accrete_test::Index;
using accrete_test::says;

/// Reverses 256 numbers through shared memory. With `races` it reads in the phase that writes.
struct Reverse {
  static constexpr int threads = 256;
  static constexpr Index shared_bytes = 256 * Index{sizeof(float)};
  float* x;
  bool races;

  template <class Policy>
  void operator()(Policy& policy) const {
    float* const copy = policy.template shared<float>(256);
    policy.phase([&](int thread) {
      copy[thread] = x[thread];
      if (races) x[thread] = copy[255 - thread];
    });
    if (races) return;
    policy.phase([&](int thread) { x[thread] = copy[255 - thread]; });
  }
};

struct SumOfOnes {
  static constexpr int threads = 128;
  float* sums;
  float const* x;

  template <class Policy>
  void operator()(Policy& policy) const {
    accrete::cuda::PerThread<float, Policy> value;
    policy.phase([&](int thread) { value[thread] = x[thread]; });
    float const sum = policy.reduce(value, accrete::cuda::Sum{});
    policy.phase([&](int thread) { sums[thread] = sum; });
  }
};

struct ReadsBeforeItWrites {
  static constexpr int threads = 32;
  float* x;

  template <class Policy>
  void operator()(Policy& policy) const {
    accrete::cuda::PerThread<float, Policy> value;
    policy.phase([&](int thread) { x[thread] = value[thread]; });
  }
};

struct Greedy {
  static constexpr int threads = 32;
  static constexpr Index shared_bytes = 16;

  template <class Policy>
  void operator()(Policy& policy) const {
    static_cast<void>(policy.template shared<double>(3));
  }
};

struct CountVisits {
  static constexpr int threads = 64;
  int* visits;
  Index count;

  template <class Policy>
  void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) { ++visits[i]; });
  }
};

struct Fixture {
  std::shared_ptr<FakeCuda> api =
      std::make_shared<FakeCuda>(FakeCuda::Settings{.checks_memory = false});
  accrete::cuda::Context context{api};
};

std::vector<float> numbers(std::size_t count) {
  std::vector<float> x(count);
  std::iota(x.begin(), x.end(), 1.0F);
  return x;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cuda_execution, Fixture)

BOOST_AUTO_TEST_CASE(what_a_phase_wrote_the_next_one_reads) {
  auto x = numbers(256), expected = x;
  std::reverse(expected.begin(), expected.end());
  accrete::cuda::launch(context, "reverse", 1, Reverse{x.data(), false});
  BOOST_TEST(x == expected);
}

BOOST_AUTO_TEST_CASE(a_race_within_a_phase_shows) {
  for (std::uint64_t const seed : {1u, 2u, 3u}) {
    api->settings().seed = seed;
    auto x = numbers(256), expected = x;
    std::reverse(expected.begin(), expected.end());
    accrete::cuda::launch(context, "reverse", 1, Reverse{x.data(), true});
    BOOST_TEST(x != expected);
  }
}

BOOST_AUTO_TEST_CASE(all_threads_get_the_sum_in_one_order) {
  std::vector<float> x(128, 1.0F), sums(128), again(128);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1.0F / static_cast<float>(i + 1);
  accrete::cuda::launch(context, "sum", 1, SumOfOnes{sums.data(), x.data()});
  api->settings().seed = 77;
  accrete::cuda::launch(context, "sum", 1, SumOfOnes{again.data(), x.data()});
  BOOST_TEST(accrete_test::same_bits(sums, again));
  BOOST_TEST(sums == std::vector<float>(128, sums[0]));
  BOOST_TEST(sums[0] == std::accumulate(x.begin(), x.end(), 0.0F),
             boost::test_tools::tolerance(1e-6F));
}

BOOST_AUTO_TEST_CASE(what_was_never_written_is_nan) {
  auto x = numbers(32);
  accrete::cuda::launch(context, "reads", 1, ReadsBeforeItWrites{x.data()});
  for (float const value : x) BOOST_TEST(std::isnan(value));
}

BOOST_AUTO_TEST_CASE(more_shared_memory_than_asked_for_is_refused) {
  BOOST_CHECK_EXCEPTION(accrete::cuda::launch(context, "greedy", 1, Greedy{}), accrete::ValueError,
                        says("more shared memory than it asked for"));
}

BOOST_AUTO_TEST_CASE(a_grid_visits_each_index_once) {
  for (Index const count : {1, 63, 64, 65, 1000})
    for (Index const blocks : {1, 3, 16}) {
      std::vector<int> visits(static_cast<std::size_t>(count));
      accrete::cuda::launch(context, "visits", blocks, CountVisits{visits.data(), count});
      BOOST_TEST(visits == std::vector<int>(visits.size(), 1));
    }
}

BOOST_AUTO_TEST_CASE(a_launch_that_fails_names_kernel_and_grid) {
  api->settings().fail_at = api->calls() + 1;
  BOOST_CHECK_EXCEPTION(accrete::cuda::launch(context, "reverse", 3, Reverse{}, ", of 7 rows"),
                        accrete::Error, says("reverse: 3 blocks of 256 threads, of 7 rows"));
}

BOOST_AUTO_TEST_CASE(no_blocks_are_no_launch) {
  accrete::cuda::launch(context, "reverse", 0, Reverse{});
  BOOST_TEST(api->launches() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
