#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

#include <accrete/report/log.hpp>

#include "support/error_text.hpp"
#include "support/failing_file_calls.hpp"
#include "support/scratch_folder.hpp"

using accrete_test::FailingFileCalls;
using accrete_test::FileFault;
using accrete_test::says;

namespace {

std::string content(std::filesystem::path const& path) {
  return accrete::read_file(path, 1 << 24);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(csv_log, accrete_test::ScratchFolder)

using accrete::CsvLog;
using accrete::FileError;

BOOST_AUTO_TEST_CASE(rows_are_in_the_file_at_once) {
  CsvLog log(path() / "a.csv", {"step", "loss", "note"});
  log.append({1, 2.5, "first"});
  BOOST_TEST(content(path() / "a.csv") == "step,loss,note\n1,2.5,first\n");
  log.append({2, 0.1f, "said \"a, b\""});
  BOOST_TEST(content(path() / "a.csv") ==
             "step,loss,note\n1,2.5,first\n2,0.1,\"said \"\"a, b\"\"\"\n");
}

BOOST_AUTO_TEST_CASE(numbers_read_back_to_the_last_bit) {
  double const third = 1.0 / 3;
  BOOST_TEST(std::strtod(accrete::CsvCell(third).text().c_str(), nullptr) == third);
  BOOST_TEST(accrete::CsvCell(std::numeric_limits<double>::quiet_NaN()).text() == "nan");
  BOOST_TEST(accrete::CsvCell(std::numeric_limits<std::uint64_t>::max()).text() ==
             "18446744073709551615");
}

BOOST_AUTO_TEST_CASE(line_breaks_in_words_become_spaces) {
  CsvLog log(path() / "a.csv", {"step", "text"});
  log.append({1, "two\nlines"});
  BOOST_TEST(content(path() / "a.csv") == "step,text\n1,\"two lines\"\n");
}

BOOST_AUTO_TEST_CASE(a_resumed_log_has_no_row_twice) {
  {
    CsvLog log(path() / "a.csv", {"step", "loss"});
    for (int step = 1; step <= 10; ++step) log.append({step, 1.0 / step});
  }
  CsvLog log = CsvLog::resume(path() / "a.csv", {"step", "loss"}, 8);
  for (int step = 9; step <= 12; ++step) log.append({step, 1.0 / step});
  std::string expected = "step,loss\n";
  for (int step = 1; step <= 12; ++step) {
    expected += std::to_string(step) + ',' + accrete::CsvCell(1.0 / step).text() + '\n';
  }
  BOOST_TEST(content(path() / "a.csv") == expected);
}

BOOST_AUTO_TEST_CASE(a_resumed_log_that_has_nothing_to_cut_is_not_written_anew) {
  CsvLog(path() / "a.csv", {"step", "loss"}).append({1, 2.0});
  auto const before = std::filesystem::last_write_time(path() / "a.csv");
  std::filesystem::create_hard_link(path() / "a.csv", path() / "same");
  CsvLog::resume(path() / "a.csv", {"step", "loss"}, 5).append({2, 2.0});
  BOOST_TEST(content(path() / "same") == "step,loss\n1,2\n2,2\n");
  BOOST_TEST((std::filesystem::last_write_time(path() / "a.csv") >= before));
}

BOOST_AUTO_TEST_CASE(a_torn_last_row_is_cut) {
  accrete::write_file_atomically(path() / "a.csv", "step,loss\n1,2\n2,1.");
  CsvLog::resume(path() / "a.csv", {"step", "loss"}, 5).append({2, 1.5});
  BOOST_TEST(content(path() / "a.csv") == "step,loss\n1,2\n2,1.5\n");
}

BOOST_AUTO_TEST_CASE(a_torn_header_is_written_again) {
  accrete::write_file_atomically(path() / "a.csv", "step,lo");
  CsvLog::resume(path() / "a.csv", {"step", "loss"}, 5).append({6, 1.5});
  BOOST_TEST(content(path() / "a.csv") == "step,loss\n6,1.5\n");
}

BOOST_AUTO_TEST_CASE(a_missing_log_begins_anew) {
  CsvLog::resume(path() / "a.csv", {"step", "loss"}, 5).append({6, 1.5});
  BOOST_TEST(content(path() / "a.csv") == "step,loss\n6,1.5\n");
}

BOOST_AUTO_TEST_CASE(a_foreign_file_is_refused_and_left_alone) {
  accrete::write_file_atomically(path() / "a.csv", "step,accuracy\n1,2\n");
  BOOST_CHECK_EXCEPTION(static_cast<void>(CsvLog::resume(path() / "a.csv", {"step", "loss"}, 5)),
                        FileError, says("expected the columns step,loss, found step,accuracy"));
  accrete::write_file_atomically(path() / "b.csv", "step,loss\n1,2\nlast,2\n");
  BOOST_CHECK_EXCEPTION(static_cast<void>(CsvLog::resume(path() / "b.csv", {"step", "loss"}, 5)),
                        FileError, says("offset 14", "expected a row that begins with a step"));
  BOOST_TEST(content(path() / "b.csv") == "step,loss\n1,2\nlast,2\n");
}

BOOST_AUTO_TEST_CASE(endless_rows_do_not_fill_the_memory) {
  accrete::write_file_atomically(path() / "a.csv", "step,loss\n" + std::string(3 << 20, '1'));
  BOOST_CHECK_EXCEPTION(static_cast<void>(CsvLog::resume(path() / "a.csv", {"step", "loss"}, 5)),
                        FileError, says("offset 10", "a row of more than"));
}

BOOST_AUTO_TEST_CASE(long_logs_are_cut_across_chunks) {
  {
    CsvLog log(path() / "a.csv", {"step", "text"});
    for (int step = 0; step < 3000; ++step) log.append({step, std::string(100, 'x')});
  }
  CsvLog::resume(path() / "a.csv", {"step", "text"}, 2499).append({2500, "end"});
  std::string const text = content(path() / "a.csv");
  BOOST_TEST(text.ends_with("2499," + std::string(100, 'x') + "\n2500,end\n"));
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 2502);
}

BOOST_AUTO_TEST_CASE(a_row_needs_a_cell_per_column) {
  CsvLog log(path() / "a.csv", {"step", "loss"});
  BOOST_CHECK_THROW(log.append({1}), accrete::ValueError);
  BOOST_CHECK_THROW(CsvLog(path() / "b.csv", {}), accrete::ValueError);
  BOOST_TEST(content(path() / "a.csv") == "step,loss\n");
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_whole_rows) {
  struct Restore {
    ~Restore() { accrete::file_calls() = accrete::posix_file_calls(); }
  } const restore;
  CsvLog log(path() / "a.csv", {"step", "loss"});
  log.append({1, 2.5});
  static int calls;
  calls = 0;
  accrete::file_calls().pwrite = [](int descriptor, void const* bytes, std::size_t,
                                    off_t offset) -> ssize_t {
    if (calls++ == 0) return ::pwrite(descriptor, bytes, 3, offset);  // the disk's last three bytes
    errno = ENOSPC;
    return -1;
  };
  BOOST_CHECK_EXCEPTION(log.append({2, 1.5}), FileError, says("a.csv", "No space left on device"));
  BOOST_TEST(content(path() / "a.csv") == "step,loss\n1,2.5\n");
  accrete::file_calls() = accrete::posix_file_calls();
  log.append({2, 1.5});
  BOOST_TEST(content(path() / "a.csv") == "step,loss\n1,2.5\n2,1.5\n");
}

BOOST_AUTO_TEST_CASE(no_failing_call_harms_the_rows_before) {
  std::string const rows = "step,loss\n1,2\n2,2\n3,2\n";
  for (FileFault const fault :
       {FileFault::no_space, FileFault::io_error, FileFault::interrupted, FileFault::short_call}) {
    for (int k = 0, calls = 1; k < calls; ++k) {
      accrete::write_file_atomically(path() / "a.csv", rows);
      FailingFileCalls const failing(k, fault);
      try {
        CsvLog::resume(path() / "a.csv", {"step", "loss"}, 2).append({3, 1});
      } catch (FileError const&) {
      }
      calls = FailingFileCalls::calls();
      accrete::file_calls() = accrete::posix_file_calls();
      std::string const now = content(path() / "a.csv");
      bool const whole =
          now == rows || now == "step,loss\n1,2\n2,2\n" || now == "step,loss\n1,2\n2,2\n3,1\n";
      BOOST_TEST(whole, "call " << k << " left " << now);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_does_not_exist_is_named) {
  BOOST_CHECK_EXCEPTION(CsvLog(path() / "no" / "a.csv", {"step"}), FileError,
                        says("No such file or directory"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(json_lines_log, accrete_test::ScratchFolder)

using accrete::FileError;
using accrete::Json;
using accrete::JsonLinesLog;

BOOST_AUTO_TEST_CASE(each_row_is_one_object) {
  JsonLinesLog log(path() / "a.jsonl");
  log.append(Json::object({{"step", 1}, {"loss", 2.5}, {"note", "two\nlines"}}));
  BOOST_TEST(content(path() / "a.jsonl") == "{\"step\":1,\"loss\":2.5,\"note\":\"two\\nlines\"}\n");
}

BOOST_AUTO_TEST_CASE(a_resumed_log_has_no_row_twice) {
  {
    JsonLinesLog log(path() / "a.jsonl");
    for (int step = 1; step <= 5; ++step) log.append(Json::object({{"step", step}}));
  }
  JsonLinesLog log = JsonLinesLog::resume(path() / "a.jsonl", 3);
  log.append(Json::object({{"step", 4}, {"again", true}}));
  BOOST_TEST(content(path() / "a.jsonl") ==
             "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4,\"again\":true}\n");
}

BOOST_AUTO_TEST_CASE(a_torn_last_row_is_cut) {
  accrete::write_file_atomically(path() / "a.jsonl", "{\"step\":1}\n{\"st");
  JsonLinesLog::resume(path() / "a.jsonl", 9).append(Json::object({{"step", 2}}));
  BOOST_TEST(content(path() / "a.jsonl") == "{\"step\":1}\n{\"step\":2}\n");
}

BOOST_AUTO_TEST_CASE(a_missing_log_begins_anew) {
  JsonLinesLog::resume(path() / "a.jsonl", 9).append(Json::object({{"step", 2}}));
  BOOST_TEST(content(path() / "a.jsonl") == "{\"step\":2}\n");
}

BOOST_AUTO_TEST_CASE(foreign_files_are_refused_with_the_offset) {
  accrete::write_file_atomically(path() / "a.jsonl", "{\"step\":1}\n{\"loss\":1}\n");
  BOOST_CHECK_EXCEPTION(static_cast<void>(JsonLinesLog::resume(path() / "a.jsonl", 9)), FileError,
                        says("offset 11", "\"step\" is missing"));
}

BOOST_AUTO_TEST_CASE(a_row_needs_a_step) {
  JsonLinesLog log(path() / "a.jsonl");
  BOOST_CHECK_THROW(log.append(Json::object({{"loss", 1}})), accrete::ValueError);
  BOOST_CHECK_THROW(log.append(Json::array({1})), accrete::ValueError);
  BOOST_TEST(content(path() / "a.jsonl").empty());
}

BOOST_AUTO_TEST_SUITE_END()
