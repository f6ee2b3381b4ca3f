// What is thrown, beside std::bad_alloc. A message names the file, field, op or shape it is about.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace dae {

// Something could not be done: a missing file, a full disk, no GPU.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Less memory is free than is needed: something smaller may do.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

// What was asked for makes no sense: a contradiction, a range that runs backwards.
class UsageError : public Error {
 public:
  using Error::Error;
};

// One field of the options has a value that makes no sense. what() begins with the field's name:
// "size 65: crops must be a multiple of 8 pixels, from 8 to 4096".
class FieldError : public UsageError {
 public:
  FieldError(std::string field, const std::string& problem)
      : UsageError(field + " " + problem), field_(std::move(field)) {}
  const std::string& field() const { return field_; }

 private:
  std::string field_;
};

// A callback or a stop token asked for the end of what was going on.
class Cancelled : public Error {
 public:
  using Error::Error;
};

}  // namespace dae
