#include <accrete/backend/cpu/backend.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(backend)

namespace {

using accrete::BasicCpuBackend;
using accrete::CpuBackend;
using accrete::Index;
using accrete::IndexRange;

}  // namespace

BOOST_AUTO_TEST_CASE(description_names_engine_and_threads) {
  BOOST_TEST(CpuBackend(1).description() == "cpu: " + accrete::engine_description() + ", 1 thread");
  BOOST_TEST(BasicCpuBackend<double>(3).description() ==
             "cpu: " + accrete::engine_description() + ", double, 3 threads");
}

BOOST_AUTO_TEST_CASE(no_count_of_threads_means_all_processors) {
  BOOST_TEST(CpuBackend().pool().threads() == accrete::ThreadPool::hardware_threads());
}

BOOST_AUTO_TEST_CASE(copies_share_their_threads) {
  CpuBackend const first(2);
  CpuBackend const second = first;
  BOOST_TEST(&first.pool() == &second.pool());
}

BOOST_AUTO_TEST_CASE(memory_of_any_size_is_zeroed_and_aligned_and_outlives_the_backend) {
  for (Index const bytes :
       {Index{0}, Index{1}, Index{1000}, Index{2} << 20, (Index{5} << 20) + 1}) {
    std::shared_ptr<std::byte[]> const memory = CpuBackend(1).allocate(bytes);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(memory.get()) % 64 == 0u);
    BOOST_TEST(std::all_of(memory.get(), memory.get() + bytes,
                           [](std::byte byte) { return byte == std::byte{0}; }));
    std::fill_n(memory.get(), bytes, std::byte{1});
  }
}

BOOST_AUTO_TEST_CASE(memory_that_no_machine_has_is_an_error) {
  Index const bytes = Index{1} << 60;
  BOOST_CHECK_EXCEPTION(
      static_cast<void>(CpuBackend(1).allocate(bytes)), accrete::Error, [&](auto const& error) {
        return std::string(error.what()).starts_with("out of memory: " + std::to_string(bytes));
      });
}

BOOST_AUTO_TEST_CASE(ranges_cover_everything_once_and_begin_at_granules) {
  CpuBackend const cpu(2);
  for (Index const size : {0, 1, 100, 1000})
    for (Index const work : {0, 1, 1000, 100000})
      for (Index const granule : {1, 64}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(size));
        std::atomic<bool> at_granules{true};
        cpu.for_each_range(
            size, work,
            [&](IndexRange range) {
              if (range.begin % granule != 0) at_granules = false;
              for (Index i = range.begin; i < range.end; ++i) ++visits[static_cast<std::size_t>(i)];
            },
            granule);
        BOOST_TEST(at_granules);
        BOOST_TEST(std::all_of(visits.begin(), visits.end(), [](int count) { return count == 1; }));
      }
}

BOOST_AUTO_TEST_CASE(little_work_stays_in_the_calling_thread) {
  int calls = 0;  // not guarded: only one thread counts
  CpuBackend(2).for_each_range(100, 10, [&](IndexRange range) { calls += range.size() == 100; });
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_SUITE_END()
