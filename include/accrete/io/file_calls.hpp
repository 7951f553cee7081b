/// Every system call that touches a file goes through this table, so that a test can make any of them fail.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The calls keep the manners of POSIX: -1 and errno on failure, EINTR and short counts at any time.
struct FileCalls {
  int (*open)(char const* path, int flags, mode_t mode);
  int (*close)(int descriptor);
  int (*fstat)(int descriptor, struct ::stat* status);
  ssize_t (*pread)(int descriptor, void* bytes, std::size_t count, off_t offset);
  ssize_t (*pwrite)(int descriptor, void const* bytes, std::size_t count, off_t offset);
  int (*fsync)(int descriptor);
  int (*rename)(char const* from, char const* to);
  int (*unlink)(char const* path);
  int (*flock)(int descriptor, int operation);
  int (*statvfs)(char const* path, struct ::statvfs* status);
};

[[nodiscard]] inline FileCalls posix_file_calls() {
  return {
      .open = [](char const* path, int flags, mode_t mode) { return ::open(path, flags, mode); },
      .close = ::close,
      .fstat = [](int descriptor, struct ::stat* status) { return ::fstat(descriptor, status); },
      .pread = ::pread,
      .pwrite = ::pwrite,
      .fsync = ::fsync,
      .rename = ::rename,
      .unlink = ::unlink,
      .flock = ::flock,
      .statvfs = [](char const* path, struct ::statvfs* status) { return ::statvfs(path, status); },
  };
}

/// The table in use. A test exchanges it while no other thread touches a file.
[[nodiscard]] inline FileCalls& file_calls() {
  static FileCalls calls = posix_file_calls();
  return calls;
}

ACCRETE_END_NAMESPACE
