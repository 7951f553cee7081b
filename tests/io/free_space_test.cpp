#include <accrete/io/free_space.hpp>

#include <cerrno>

#include <accrete/io/safetensors.hpp>
#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(free_space)

namespace {

using accrete::file_calls;
using accrete::FileError;
using accrete::require_free_space;
using accrete_test::says;
using accrete_test::ScratchFolder;

/// While it lives, every file system has so many blocks of 4,096 bytes, and 3 of them free.
struct SmallDisk {
  explicit SmallDisk(bool knows = true, int error = 0) {
    all() = knows ? 10 : 0;
    failure() = error;
    file_calls().statvfs = [](char const*, struct ::statvfs* status) {
      errno = failure();
      if (failure() == EINTR) failure() = 0;
      if (errno != 0) return -1;
      *status = {};
      status->f_frsize = 4096;
      status->f_blocks = all();
      status->f_bavail = all() == 0 ? 0 : 3;
      return 0;
    };
  }
  SmallDisk(SmallDisk const&) = delete;
  SmallDisk& operator=(SmallDisk const&) = delete;
  ~SmallDisk() { file_calls() = accrete::posix_file_calls(); }

  static fsblkcnt_t& all() {
    static fsblkcnt_t blocks = 0;
    return blocks;
  }
  static int& failure() {
    static int error = 0;
    return error;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_that_has_no_room_is_refused_with_both_numbers) {
  SmallDisk const disk;
  BOOST_CHECK_NO_THROW(require_free_space("run/file", 3 * 4096));
  BOOST_CHECK_EXCEPTION(require_free_space("run/file", 3 * 4096 + 1), FileError,
                        says("run/file: ", "needs 12289 bytes", "the file system of run has 12288",
                             "free some there, or choose another folder"));
  BOOST_CHECK_EXCEPTION(require_free_space("file", 1 << 20), FileError,
                        says("the file system of . has 12288"));
}

BOOST_AUTO_TEST_CASE(where_the_system_does_not_know_writing_will_tell) {
  {
    SmallDisk const disk(false);
    BOOST_CHECK_NO_THROW(require_free_space("run/file", 1 << 20));
  }
  {
    SmallDisk const disk(true, EIO);
    BOOST_CHECK_NO_THROW(require_free_space("run/file", 1 << 20));
  }
  SmallDisk const disk(true, EINTR);  // once
  BOOST_CHECK_THROW(require_free_space("run/file", 1 << 20), FileError);
}

BOOST_AUTO_TEST_CASE(nothing_of_a_tensor_file_is_written_before_it_has_room) {
  ScratchFolder const folder;
  accrete::SafetensorsWriter writer;
  writer.declare("large", accrete::DType::f32, {4096});
  {
    SmallDisk const disk;
    BOOST_CHECK_EXCEPTION(writer.open(folder / "file"), FileError,
                          says((folder / "file").string(), "cannot write: it needs 164"));
  }
  BOOST_TEST(folder.names().empty());
  BOOST_CHECK_NO_THROW(writer.open(folder / "file"));
}

BOOST_AUTO_TEST_SUITE_END()
