// For tests: the rooms over a real store in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "app/commands.h"
#include "app/rooms.h"

namespace pabal::app {

struct TestRooms {
  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) /
                                 ("pabal-rooms-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
  Config config;
  std::unique_ptr<Rooms> rooms;

  TestRooms() {
    config.hostname = "mail.example.com";
    config.data_dir = folder;
    auto opened = open_rooms(config);
    EXPECT_TRUE(opened) << opened.error().message;
    rooms = std::move(*opened);
  }
  ~TestRooms() {
    rooms.reset();
    std::filesystem::remove_all(folder);
  }

 private:
  static inline int count = 0;
};

}  // namespace pabal::app
