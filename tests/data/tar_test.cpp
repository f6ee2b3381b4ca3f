// Archives that Python's tarfile wrote (make_tar_fixtures.py), and headers put together by hand.
#include "data/tar.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <functional>

#include "data/files.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class TarTest : public testing::Test {
 protected:
  static std::string fixture(const char* name) {
    return std::string(DAE_FIXTURES "/data/") + name + ".tar";
  }
  // A member with the header's checksum put right; `change` alters the header before that.
  static std::string member(const std::string& name, const std::string& content, char type = '0',
                            const std::function<void(std::string&)>& change = {}) {
    std::string header(512, '\0');
    header.replace(0, name.size(), name);
    char size[13];
    snprintf(size, sizeof(size), "%011o", static_cast<unsigned>(content.size()));
    header.replace(124, 11, size, 11);
    header.replace(257, 8, "ustar\00000", 8);
    header[156] = type;
    if (change) change(header);
    header.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char byte : header) sum += static_cast<uint8_t>(byte);
    char digits[8];
    snprintf(digits, sizeof(digits), "%06o", sum);
    header.replace(148, 7, digits, 7);
    std::string padded = content;
    padded.resize((content.size() + 511) / 512 * 512);
    return header + padded;
  }
  TarContents read(const std::string& bytes) {
    write_file_atomically(path(), bytes);
    return read_tar(path());
  }
  fs::path path() const { return temporary_.file("shard.tar"); }
  static std::string names(const TarContents& contents) {
    std::string all;
    for (const TarMember& m : contents.members) all += m.name + ":" + std::to_string(m.size) + " ";
    return all;
  }

  const std::string end_ = std::string(1024, '\0');
  TemporaryFolder temporary_;
};

TEST_F(TarTest, ReadsWhatPythonWrites) {
  const std::string prefixed = fmt::format("{:p>90}/{:q>94}", "", ".ppm"),
                    longer = fmt::format("{:l>304}", ".ppm");
  for (const char* const form : {"ustar", "gnu", "pax"}) {
    std::vector<std::pair<std::string, int>> expected = {{prefixed, 1}};
    if (std::string(form) != "ustar") {
      expected.emplace_back(longer, 2);
      expected.emplace_back("Blüten/花.ppm", 3);
    }
    expected.emplace_back("b.ppm", 4);
    expected.emplace_back("a.ppm", 0);  // the last of two
    const TarContents contents = read_tar(fixture(form));
    EXPECT_EQ(contents.problem, "") << form;
    ASSERT_EQ(contents.members.size(), expected.size()) << form << ": " << names(contents);
    const FileReader file(fixture(form));
    for (size_t i = 0; i < expected.size(); i++) {
      EXPECT_EQ(contents.members[i].name, expected[i].first) << form;
      std::string content(contents.members[i].size, '\0');
      file.read(contents.members[i].offset,
                {reinterpret_cast<uint8_t*>(content.data()), content.size()});
      std::string wanted = "P6 2 2 255\n";
      for (int k = 0; k < 12; k++) wanted += static_cast<char>(expected[i].second * 12 + k);
      EXPECT_EQ(content, wanted) << form << " " << expected[i].first;
    }
  }
}

TEST_F(TarTest, SizesOfAllKinds) {
  const auto binary = [](std::string& header) {
    header.replace(124, 12, 12, '\0');
    header[124] = static_cast<char>(0x80);
    header[135] = 3;
  };
  const auto spaces = [](std::string& header) { header.replace(124, 12, "      3    \0", 12); };
  const std::string pax = "9 size=3\n13 path=long\n";
  EXPECT_EQ(names(read(member("binary", "abc", '0', binary) + member("spaces", "abc", '7', spaces) +
                       member("x", pax, 'x') +
                       member("field", "abc", '\0', [](std::string& h) { h[134] = '7'; }) +
                       member("none", "") + end_)),
            "binary:3 spaces:3 long:3 none:0 ");
}

TEST_F(TarTest, WhatIsNoFileIsPassedOver) {
  const TarContents contents =
      read(member("g", "20 comment=of all of\n", 'g') + member("K", "target of a link", 'K') +
           member("link", "", '1') + member("link", "", '2') + member("folder", "", '5') +
           member("odd", "data of a kind nobody knows", 'Z') + member("kept", "abc") + end_);
  EXPECT_EQ(contents.problem, "");
  EXPECT_EQ(names(contents), "kept:3 ");
}

// Long names are of the next member alone.
TEST_F(TarTest, ALongNameIsUsedOnce) {
  EXPECT_EQ(names(read(member("L", std::string("first\0", 6), 'L') + member("cut", "a") +
                       member("second", "b") + end_)),
            "first:1 second:1 ");
}

TEST_F(TarTest, WhatIsWrongIsNamedWithItsPlace) {
  const std::string sound = member("a", "abc");
  const auto no_size = [](std::string& header) { header[126] = '9'; };
  const auto vast = [](std::string& header) {
    header.replace(124, 12, 12, '\xff');
    header[124] = static_cast<char>(0x80);
  };
  std::string damaged = member("b", "abc");
  damaged[3]++;
  const std::string much(1 << 20, 'n');
  for (const auto& [bytes, words] : {
           std::pair<std::string, const char*>{sound, "it has no end"},
           {sound + end_.substr(0, 100), "it was cut off"},
           {sound + member("b", std::string(2000, 'x')).substr(0, 1000), "it was cut off"},
           {sound + damaged + end_, "damaged, or no tar archive"},
           {sound + member("b", "abc", '0', no_size) + end_, "a size that is no number"},
           {sound + member("b", "abc", '0', vast) + end_, "a size that is no number"},
           {sound + member("L", much + "n", 'L') + member("b", "") + end_, "more than a megabyte"},
           {sound + member("x", "99 path=b\n", 'x') + member("b", "") + end_, "make no sense"},
           {sound + member("x", "9 path b\n", 'x') + member("b", "") + end_, "make no sense"},
           {sound + member("x", "11 size=-3\n", 'x') + member("b", "") + end_, "make no sense"},
           {sound + member("x", "3 \n", 'x') + member("b", "") + end_, "make no sense"},
       }) {
    const TarContents contents = read(bytes);
    EXPECT_NE(contents.problem.find(words), std::string::npos) << words << ": " << contents.problem;
    EXPECT_NE(contents.problem.find("shard.tar: "), std::string::npos);
    EXPECT_NE(contents.problem.find(" at byte 1024; files before it: 1"), std::string::npos)
        << contents.problem;
    EXPECT_EQ(names(contents), "a:3 ") << words;
  }
  EXPECT_NE(read("no archive at all").problem.find("cut off at byte 0"), std::string::npos);
  EXPECT_NE(read(std::string(600, 'x')).problem.find("no tar archive"), std::string::npos);
  EXPECT_EQ(read(end_).problem, "");
  EXPECT_THROW(read_tar(temporary_.file("nowhere.tar")), SystemError);
}

}  // namespace
}  // namespace dae::test
