#include <accrete/io/file.hpp>

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>
#include <support/failing_file_calls.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(file)

namespace {

using accrete::File;
using accrete::FileError;
using accrete::read_file;
using accrete_test::FailingFileCalls;
using accrete_test::FileFault;
using accrete_test::says;
using accrete_test::ScratchFolder;

std::filesystem::path file_with(ScratchFolder const& folder, std::string const& content) {
  std::filesystem::path path = folder / "content";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::span<std::byte> bytes_of(auto& container) {
  return std::as_writable_bytes(std::span(container));
}

}  // namespace

BOOST_AUTO_TEST_CASE(bytes_are_written_and_read_at_offsets) {
  ScratchFolder const folder;
  std::optional<File> file = File::create(folder / "new", "shown");
  BOOST_REQUIRE(file.has_value());
  BOOST_TEST(!File::create(folder / "new", "shown").has_value());
  file->write(0, std::as_bytes(std::span("hello", 5)));
  file->write(5, std::as_bytes(std::span(" world", 6)));
  file->sync();
  file->close();

  File const reading = File::open_for_reading(folder / "new");
  BOOST_TEST(reading.size() == 11U);
  std::string text(5, '\0');
  reading.read(6, bytes_of(text));
  BOOST_TEST(text == "world");
  BOOST_TEST(reading.read_some(9, bytes_of(text)) == 2U);
  BOOST_TEST(reading.read_some(11, bytes_of(text)) == 0U);
  BOOST_CHECK_EXCEPTION(reading.read(9, bytes_of(text)), FileError,
                        says("new: offset 11", "3 bytes too early"));

  File writing = File::open_for_writing(folder / "new");
  writing.write(0, std::as_bytes(std::span("J", 1)));
  BOOST_TEST(read_file(folder / "new", 100) == "Jello world");
}

BOOST_AUTO_TEST_CASE(only_regular_files_are_opened) {
  ScratchFolder const folder;
  BOOST_CHECK_EXCEPTION((void)File::open_for_reading(folder / "none"), FileError,
                        says("none: cannot open: No such file or directory"));
  BOOST_CHECK_EXCEPTION((void)File::open_for_writing(folder / "none"), FileError,
                        says("none: cannot open"));
  BOOST_CHECK_EXCEPTION((void)File::open_for_reading(folder.path()), FileError,
                        says("is a folder"));
  BOOST_CHECK_EXCEPTION((void)File::open_for_reading("/dev/null"), FileError,
                        says("is not a regular file"));
  BOOST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  BOOST_CHECK_EXCEPTION((void)File::open_for_reading(folder / "pipe"), FileError,
                        says("is not a regular file"));
  BOOST_CHECK_EXCEPTION((void)File::create(folder / "no" / "file", "shown"), FileError,
                        says("shown: cannot create"));
  BOOST_CHECK_THROW((void)File::open_folder(folder / "none"), FileError);
}

BOOST_AUTO_TEST_CASE(a_whole_file_is_read_up_to_the_bound) {
  ScratchFolder const folder;
  for (std::size_t const size : {std::size_t{0}, std::size_t{1}, std::size_t{65'535},
                                 std::size_t{65'536}, std::size_t{65'537}, std::size_t{300'000}}) {
    std::string const content(size, 'x');
    std::filesystem::path const path = file_with(folder, content);
    BOOST_TEST((read_file(path, size) == content));
    BOOST_TEST((read_file(path, size + 1) == content));
    if (size > 0) {
      BOOST_CHECK_EXCEPTION((void)read_file(path, size - 1), FileError,
                            says("content: is longer than " + std::to_string(size - 1)));
    }
  }
  BOOST_TEST(!read_file("/proc/self/status", 1 << 20).empty());  // states a size of 0
}

BOOST_AUTO_TEST_CASE(moving_hands_the_descriptor_over) {
  ScratchFolder const folder;
  FailingFileCalls const counting;
  {
    File a = File::open_for_reading(file_with(folder, "abc"));
    File b = std::move(a);
    a = File::open_for_reading(file_with(folder, "abc"));
    std::swap(a, b);
    BOOST_TEST(a.size() == 3U);
    BOOST_TEST(b.size() == 3U);
  }
  BOOST_TEST(FailingFileCalls::calls() == 2 + 2 + 2 + 2);  // open, look, size, close
}

BOOST_AUTO_TEST_CASE(interrupted_and_short_calls_are_continued) {
  ScratchFolder const folder;
  std::string const content = "0123456789";
  std::filesystem::path const path = file_with(folder, content);
  for (FileFault const fault : {FileFault::interrupted, FileFault::short_call}) {
    int call = 0;
    for (int calls = 1; call < calls; ++call) {
      FailingFileCalls const failing(call, fault);
      BOOST_TEST(read_file(path, 100) == content);
      File file = File::open_for_writing(path);
      file.write(0, std::as_bytes(std::span(content)));
      file.sync();
      file.close();
      calls = FailingFileCalls::calls();
    }
    BOOST_TEST(call > 8);
    BOOST_TEST(read_file(path, 100) == content);
  }
}

BOOST_AUTO_TEST_CASE(a_failing_call_names_the_path_and_the_reason) {
  ScratchFolder const folder;
  std::filesystem::path const path = file_with(folder, "0123456789");
  for (int call = 0; call < 4; ++call) {  // open, look at its kind, look at its size, read
    FailingFileCalls const failing(call, FileFault::io_error);
    BOOST_CHECK_EXCEPTION((void)read_file(path, 100), FileError,
                          says("content: cannot ", "Input/output error"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
