#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>

#include <accrete/report/progress.hpp>

#include "well_formed.hpp"

BOOST_AUTO_TEST_SUITE(progress)

using accrete::Index;
using accrete::Progress;
using accrete::ProgressOptions;
using accrete_test::occurrences;

/// A job with a clock that only moves when told.
struct Job {
  double now = 100;
  std::ostringstream out;

  ProgressOptions options(bool terminal, Index total, Index already_done = 0) {
    return {.label = "train",
            .total = total,
            .already_done = already_done,
            .stream = &out,
            .terminal = terminal,
            .clock = [this] { return now; }};
  }
};

BOOST_AUTO_TEST_CASE(a_terminal_line_rewrites_itself) {
  Job job;
  {
    Progress progress(job.options(true, 1000));
    for (int i = 1; i <= 5; ++i) {
      job.now += 1;
      progress.update(i * 100, "loss 3.21");
    }
    BOOST_TEST(occurrences(job.out.str(), "\r") == 5);
    BOOST_TEST(occurrences(job.out.str(), "\n") == 0);
    BOOST_TEST(job.out.str().find(
                   "train  50 % [##########----------]  100 tokens/s  5 s left  loss 3.21") !=
               std::string::npos);
  }
  BOOST_TEST(job.out.str().ends_with("\n"));  // the shell's prompt begins on a fresh line
}

BOOST_AUTO_TEST_CASE(a_terminal_is_not_flooded) {
  Job job;
  Progress progress(job.options(true, 100000));
  for (int i = 1; i <= 1000; ++i) {
    job.now += 0.001;
    progress.update(i);
  }
  BOOST_TEST(occurrences(job.out.str(), "\r") <= 9);
}

BOOST_AUTO_TEST_CASE(elsewhere_a_plain_line_comes_every_ten_seconds) {
  Job job;
  Progress progress(job.options(false, 1000));
  for (int i = 1; i <= 100; ++i) {
    job.now += 1;
    progress.update(i * 10);
  }
  BOOST_TEST(occurrences(job.out.str(), "\n") == 10);
  BOOST_TEST(occurrences(job.out.str(), "\r") == 0);
  BOOST_TEST(occurrences(job.out.str(), "\x1b") == 0);
}

BOOST_AUTO_TEST_CASE(the_rate_is_that_of_the_last_half_minute) {
  Job job;
  Progress progress(job.options(false, 1'000'000));
  Index done = 0;
  for (int i = 0; i < 100; ++i) {
    job.now += 1;
    progress.update(done += 10);
  }
  for (int i = 0; i < 40; ++i) {
    job.now += 1;
    progress.update(done += 50);
  }
  BOOST_TEST(progress.rate() == 50, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(progress.seconds_left().value() == (1'000'000.0 - static_cast<double>(done)) / 50,
             boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(what_an_earlier_run_did_is_no_speed) {
  Job job;
  Progress progress(job.options(false, 1000, 800));
  BOOST_TEST(!progress.seconds_left().has_value());
  job.now += 10;
  progress.update(900);
  BOOST_TEST(progress.rate() == 10, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(job.out.str().find(" 90 %") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_unknown_total_shows_the_count) {
  Job job;
  Progress progress(job.options(false, 0));
  job.now += 10;
  progress.update(4000);
  BOOST_TEST(job.out.str() == "train  4000 tokens  400 tokens/s\n");
}

BOOST_AUTO_TEST_CASE(finish_gives_time_and_mean_rate_once) {
  Job job;
  Progress progress(job.options(true, 1000, 200));
  job.now += 40;
  progress.update(1000);
  progress.finish("loss 2.5");
  progress.finish();
  progress.update(1000);
  BOOST_TEST(job.out.str().ends_with("train  800 tokens in 40 s  20 tokens/s  loss 2.5\x1b[K\n"));
}

BOOST_AUTO_TEST_CASE(a_hundred_percent_means_done) {
  Job job;
  Progress progress(job.options(false, 1000));
  job.now += 10;
  progress.update(999);
  BOOST_TEST(job.out.str().find(" 99 %") != std::string::npos);
  job.now += 10;
  progress.update(1000);
  BOOST_TEST(job.out.str().find("100 %") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(long_lines_are_cut_between_characters) {
  BOOST_TEST(accrete::detail::first_characters("вопрос", 3) == "воп");
  BOOST_TEST(accrete::detail::first_characters("ab", 3) == "ab");
  BOOST_TEST(accrete::detail::first_characters("ab", 0) == "");
}

BOOST_AUTO_TEST_CASE(negative_sizes_are_refused) {
  Job job;
  BOOST_CHECK_THROW(Progress(job.options(false, -1)), accrete::ValueError);
  BOOST_CHECK_THROW(Progress(job.options(false, 10, -1)), accrete::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
