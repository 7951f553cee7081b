#include <accrete/core/thread_pool.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(thread_pool)

namespace {

using accrete::Index;
using accrete::IndexRange;
using accrete::ThreadPool;

constexpr std::array thread_counts{1, 2, 3, 4, 16};

std::vector<int> count_runs(ThreadPool& pool, Index tasks) {
  std::vector<int> runs(static_cast<std::size_t>(tasks));
  pool.parallel_for(tasks, [&](Index task) { ++runs[static_cast<std::size_t>(task)]; });
  return runs;
}

}  // namespace

BOOST_DATA_TEST_CASE(each_task_runs_once, boost::unit_test::data::make(thread_counts), threads) {
  ThreadPool pool(threads);
  BOOST_TEST(pool.threads() == threads);
  for (Index tasks : {0, 1, 2, 3, 7, 1000}) {
    BOOST_TEST(count_runs(pool, tasks) == std::vector<int>(static_cast<std::size_t>(tasks), 1),
               boost::test_tools::per_element());
  }
}

BOOST_DATA_TEST_CASE(results_of_one_region_are_seen_by_the_next,
                     boost::unit_test::data::make(thread_counts), threads) {
  ThreadPool pool(threads);
  std::vector<long> a(64, 1);
  std::vector<long> b(64);
  for (int round = 0; round < 2000; ++round) {
    pool.parallel_for(64, [&](Index i) {
      auto const here = static_cast<std::size_t>(i);
      b[here] = a[(here + 1) % 64] + round % 3;
    });
    std::swap(a, b);
  }
  BOOST_TEST(std::accumulate(a.begin(), a.end(), 0L) == 64 * (1 + 1999));
}

BOOST_DATA_TEST_CASE(the_error_of_the_lowest_task_is_thrown_after_all_have_run,
                     boost::unit_test::data::make(thread_counts), threads) {
  ThreadPool pool(threads);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ran{0};
    try {
      pool.parallel_for(50, [&](Index task) {
        ++ran;
        if (task == 7 || task == 8 || task == 49) throw std::runtime_error(std::to_string(task));
      });
      BOOST_FAIL("nothing was thrown");
    } catch (std::runtime_error const& error) {
      BOOST_TEST(error.what() == std::string("7"));
    }
    BOOST_TEST(ran == 50);
  }
  BOOST_TEST(count_runs(pool, 5) == std::vector<int>(5, 1), boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(a_nested_region_runs_inside_its_task,
                     boost::unit_test::data::make(thread_counts), threads) {
  ThreadPool pool(threads);
  std::atomic<int> elsewhere{0};
  std::atomic<int> sum{0};
  pool.parallel_for(20, [&](Index) {
    auto const self = std::this_thread::get_id();
    pool.parallel_for(10, [&](Index task) {
      if (std::this_thread::get_id() != self) ++elsewhere;
      sum += static_cast<int>(task);
    });
  });
  BOOST_TEST(elsewhere == 0);
  BOOST_TEST(sum == 20 * 45);
}

BOOST_AUTO_TEST_CASE(several_threads_may_open_regions_at_once) {
  ThreadPool pool(3);
  std::atomic<long> sum{0};
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.parallel_for(30, [&](Index task) { sum += static_cast<long>(task); });
      }
    });
  }
  for (std::thread& user : users) user.join();
  BOOST_TEST(sum == 4 * 200 * 435);
}

BOOST_AUTO_TEST_CASE(sleeping_workers_wake_for_a_region) {
  ThreadPool pool(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::atomic<int> arrived{0};
  pool.parallel_for(2, [&](Index) {  // ends only if two threads take a task each
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  BOOST_TEST(arrived == 2);
}

BOOST_DATA_TEST_CASE(ranges_cover_every_index_once, boost::unit_test::data::make(thread_counts),
                     threads) {
  ThreadPool pool(threads);
  for (Index size : {0, 1, 15, 16, 17, 1031}) {
    std::vector<int> runs(static_cast<std::size_t>(size));
    pool.parallel_for_ranges(size, 16, [&](IndexRange range) {
      if (range.begin % 16 != 0) throw std::logic_error("a range begins inside a granule");
      for (Index i = range.begin; i < range.end; ++i) ++runs[static_cast<std::size_t>(i)];
    });
    BOOST_TEST(runs == std::vector<int>(static_cast<std::size_t>(size), 1),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(ranges_differ_by_at_most_one_granule) {
  for (Index parts : {1, 3, 8}) {
    Index end = 0;
    for (Index part = 0; part < parts; ++part) {
      IndexRange const range = accrete::split_range(100, parts, part, 8);  // 13 granules
      BOOST_TEST(range.begin == end);
      BOOST_TEST(range.size() >= 13 / parts * 8 - 4);
      BOOST_TEST(range.size() <= (13 / parts + 1) * 8);
      end = range.end;
    }
    BOOST_TEST(end == 100);
  }
}

BOOST_AUTO_TEST_CASE(bad_thread_counts_are_refused) {
  BOOST_CHECK_THROW(ThreadPool(0), accrete::ValueError);
  BOOST_CHECK_THROW(ThreadPool(-1), accrete::ValueError);
  BOOST_CHECK_THROW(ThreadPool(ThreadPool::max_threads + 1), accrete::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
