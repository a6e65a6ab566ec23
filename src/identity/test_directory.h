// For tests: a directory over a real store in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "identity/directory.h"
#include "store/rocksdb_store.h"

namespace pabal::identity {

struct TestDirectory {
  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) /
                                 ("pabal-directory-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
  ManualClock clock;
  SeededRandom random{7};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Directory> directory;

  TestDirectory() {
    std::filesystem::create_directories(folder);
    store::RocksOptions options;
    options.path = folder / "store";
    auto opened = store::open_rocksdb(options, clock);
    EXPECT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    directory = std::make_unique<Directory>(*store, clock, random);
  }
  ~TestDirectory() {
    directory.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }

  Result<void> commit(store::Work work) { return store->transact_and_wait(std::move(work)); }

  Result<void> domain(const std::string& name, const std::string& catch_all = "") {
    return commit([&](store::Transaction& t) {
      Domain domain;
      domain.name = name;
      domain.catch_all = catch_all;
      return directory->add_domain(t, domain);
    });
  }
  // An account; with a password only where one is given, since hashing takes its time.
  Result<Account> account(const std::string& name, const std::string& password = "", bool admin = false) {
    Directory::Secrets secrets;
    if (!password.empty()) {
      auto made = directory->make_secrets(password);
      if (!made) return made.error();
      secrets = *made;
    }
    Account account;
    account.name = name;
    account.admin = admin;
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      auto added = directory->add_account(t, account, secrets);
      if (!added) return added.error();
      account = *added;
      return {};
    });
    if (!done) return done.error();
    return account;
  }
  Result<void> alias(const std::string& address, std::vector<std::string> targets, bool send_as = true) {
    return commit([&](store::Transaction& t) { return directory->put_alias(t, {address, targets, send_as}); });
  }
  void enable(AccountId id, bool on) {
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      auto account = directory->account(t, id);
      (*account)->enabled = on;
      return directory->update_account(t, **account);
    });
    EXPECT_TRUE(done);
  }
  void open_domain(const std::string& name, bool on) {
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      auto domain = directory->domain(t, name);
      (*domain)->enabled = on;
      return directory->update_domain(t, **domain);
    });
    EXPECT_TRUE(done);
  }

 private:
  static inline int count = 0;
};

}  // namespace pabal::identity
