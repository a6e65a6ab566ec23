// A hub over a store in memory, with the empty accounts 1 and 2, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include "net/sim.h"
#include "push/hub.h"
#include "store/faulty.h"
#include "store/rocksdb_store.h"

namespace pabal::push {

class PushFixture : public testing::Test {
 protected:
  PushFixture() {
    auto opened = store::open_rocksdb({.path = "/store", .env = disk_.env()}, loop_);
    PABAL_CHECK(opened.ok());
    store_ = std::move(*opened);
    boxes_ = std::make_unique<mailbox::Mailboxes>(*store_, loop_);
    hub_ = std::make_unique<Hub>(*store_, *boxes_);
    for (const mailbox::AccountId account : {1, 2})
      change([&](store::Transaction& t) { return boxes_->create_account(t, account, 0); });
  }
  void change(const store::Work& work) {
    PABAL_CHECK(store_->transact_and_wait(work).ok());
    // Watches are told after the commit; when this one is done, they have been.
    const auto mark = [](store::Transaction& t) -> Result<void> {
      t.put("mark", "");
      return {};
    };
    PABAL_CHECK(store_->transact_and_wait(mark).ok());
  }
  mailbox::MessageId deliver(mailbox::AccountId account) {
    const auto prepared = mailbox::prepare("From: a@example.com\r\nSubject: hello\r\n\r\nhello\r\n");
    mailbox::MessageId id = 0;
    change([&](store::Transaction& t) -> Result<void> {
      const mailbox::BodyId body = boxes_->new_body_id();
      if (const auto put = boxes_->put_body(t, body, *prepared); !put) return put;
      const auto filed = boxes_->file(t, account, *prepared, body, {});
      if (!filed) return filed.error();
      id = filed->message;
      return {};
    });
    return id;
  }

  net::SimLoop loop_;
  store::FaultyDisk disk_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<mailbox::Mailboxes> boxes_;
  std::unique_ptr<Hub> hub_;
};

}  // namespace pabal::push
