// Where a library is looked for that the loader does not know, and what is said when it is
// nowhere. Of the places those that a test may write to: neither the CUDA toolkit nor /usr and
// /usr/local.
#include "runtime/shared_library.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

// A variable of the environment that is put back at the end.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_)
      setenv(name_, before_->c_str(), 1);
    else
      unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class SharedLibraryTest : public testing::Test {
 protected:
  // The C library, which every process has, under another name among the wheels of `prefix`.
  void put(const std::string& soname, const std::string& prefix, const std::string& packages) {
    Dl_info libc{};
    ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &libc), 0);
    const fs::path folder =
        temporary_.path() / prefix / "lib/python3.11" / packages / "nvidia/made_up/lib";
    fs::create_directories(folder);
    fs::create_symlink(fs::canonical(libc.dli_fname), folder / soname);
  }

  const TemporaryFolder temporary_;
  const Variable virtual_env_{"VIRTUAL_ENV", temporary_.file("venv")},
      conda_{"CONDA_PREFIX", temporary_.file("conda")}, home_{"HOME", temporary_.file("home")};
};

TEST_F(SharedLibraryTest, IsFoundInThePythonEnvironmentsOfItsUser) {
  for (const std::string prefix : {"venv", "conda", "home/.local"})
    for (const std::string packages : {"site-packages", "dist-packages"}) {
      const std::string soname = "libdae_" + prefix.substr(0, 4) + "_" + packages + ".so.7";
      const auto open = [&] { SharedLibrary(soname, "A product"); };
      EXPECT_NE(said(open), "accepted") << "it is not there yet: " << soname;
      put(soname, prefix, packages);
      EXPECT_EQ(said(open), "accepted");
    }
}

TEST_F(SharedLibraryTest, HasItsFunctionsAndNamesOneThatItHasNot) {
  put("libdae_made_up.so.7", "venv", "site-packages");
  const SharedLibrary library("libdae_made_up.so.7", "A product");
  const char* (*version)() = nullptr;
  library.load(version, "gnu_get_libc_version");
  EXPECT_STREQ(version(), gnu_get_libc_version());
  EXPECT_EQ(said([&] { library.load(version, "made_up"); }),
            "libdae_made_up.so.7 has no made_up: another version than this program needs?");
}

TEST_F(SharedLibraryTest, WhatToInstallIsSaidAndWhatItIsNeededFor) {
  const std::string why =
      " and cannot be opened (libdae_nowhere.so.7: cannot open shared object file: No such file or "
      "directory): install it, or name its folder in LD_LIBRARY_PATH";
  EXPECT_EQ(said([] { SharedLibrary("libdae_nowhere.so.7", "The product", "do the work"); }),
            "The product is needed to do the work" + why);
  EXPECT_EQ(said([] { SharedLibrary("libdae_nowhere.so.7", "The product"); }),
            "The product is needed to use the GPU" + why);
}

}  // namespace
}  // namespace dae::test
