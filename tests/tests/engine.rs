//! The semantics of DynamoDB that the store's conditions rest on, tried on the embedded engine or on the one that
//! `TEST_DYNAMODB_ENDPOINT` names.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use miniprogram::store::conditions::{DOOR, ENROL, MEMBER, OPEN, TAKE_OUT, WIPE};
use std::collections::{BTreeSet, HashMap};
use tokio::net::TcpListener;
use tools::fakes::aws::{Aws, Tables};

type Item = HashMap<String, AttributeValue>;

/// A table of users of its own.
struct Users {
    client: Client,
    table: String,
    key: String,
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn set(members: &[&str]) -> AttributeValue {
    AttributeValue::Ss(members.iter().map(|member| (*member).to_owned()).collect())
}

/// DynamoDB keeps no order in a set.
fn members(item: &Item) -> BTreeSet<&str> {
    item.get("sessions")
        .map_or_else(BTreeSet::new, |set| set.as_ss().expect("a set").iter().map(String::as_str).collect())
}

impl Users {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let client = Client::new(&Aws::serve(listener, None).await.patient_sdk());
        let tables = Tables::unique();
        tables.create(&client).await;
        let described = client.describe_table().table_name(&tables.users).send().await.expect("the table");
        let key = described.table().expect("described").key_schema()[0].attribute_name().to_owned();
        Self { client, table: tables.users, key }
    }

    /// A table in which user `u` has these attributes.
    async fn with(attributes: &[(&str, AttributeValue)]) -> Self {
        let users = Self::new().await;
        users.put().set_item(Some(users.item(attributes))).send().await.expect("put");
        users
    }

    fn item(&self, attributes: &[(&str, AttributeValue)]) -> Item {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        attributes.chain([(self.key.clone(), text("u"))]).collect()
    }

    fn put(&self) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder {
        let put = self.client.put_item().table_name(&self.table);
        put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    fn update(&self, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key(&self.key, text("u"));
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // `sessions` is a reserved word.
        update.update_expression(expression).expression_attribute_names("#sessions", "sessions")
    }

    fn enrol(&self, member: &str, began: u64) -> UpdateItemFluentBuilder {
        self.update("SET id = if_not_exists(id, :id) REMOVE expires_at ADD #sessions :new")
            .condition_expression(ENROL)
            .expression_attribute_values(":id", text("random"))
            .expression_attribute_values(":new", set(&[member]))
            .expression_attribute_values(":began", number(began))
            .expression_attribute_values(":login_at", number(began))
            .expression_attribute_values(":ahead", number(1_000))
    }

    async fn read(&self) -> Option<Item> {
        let read = self.client.get_item().table_name(&self.table).key(&self.key, text("u")).consistent_read(true);
        read.send().await.expect("an answer").item
    }
}

/// Sends an update: what it returns, or the item that failed its condition.
async fn sent(update: UpdateItemFluentBuilder) -> Result<Option<Item>, Option<Item>> {
    match update.send().await {
        Ok(done) => Ok(done.attributes),
        Err(error) => match error.into_service_error() {
            aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) => {
                Err(failed.item)
            }
            error => panic!("{error:?}"),
        },
    }
}

#[tokio::test]
async fn add_makes_the_item_and_its_set() {
    let users = Users::new().await;
    let made = sent(users.enrol("a", 1).return_values(ReturnValue::AllNew)).await.unwrap().unwrap();
    assert_eq!((members(&made), &made["id"]), (BTreeSet::from(["a"]), &text("random")));
}

#[tokio::test]
async fn add_keeps_the_members_and_the_id_that_are_there() {
    let users = Users::with(&[("id", text("first")), ("sessions", set(&["a"]))]).await;
    let made = sent(users.enrol("b", 1).return_values(ReturnValue::AllNew)).await.unwrap().unwrap();
    assert_eq!((members(&made), &made["id"]), (BTreeSet::from(["a", "b"]), &text("first")));
}

#[tokio::test]
async fn adding_a_member_again_changes_nothing() {
    let users = Users::with(&[("sessions", set(&["a", "b"]))]).await;
    let made = sent(users.enrol("b", 1).return_values(ReturnValue::AllNew)).await.unwrap().unwrap();
    assert_eq!(members(&made), BTreeSet::from(["a", "b"]));
}

#[tokio::test]
async fn updated_new_returns_the_whole_set_and_nothing_that_was_not_updated() {
    let users = Users::with(&[("name", text("n")), ("sessions", set(&["a"]))]).await;
    let updated = sent(users.enrol("b", 1).return_values(ReturnValue::UpdatedNew)).await.unwrap().unwrap();
    assert_eq!(members(&updated), BTreeSet::from(["a", "b"]));
    assert!(!updated.contains_key("name") && !updated.contains_key(&users.key));
}

#[tokio::test]
async fn a_tombstone_whose_time_to_live_is_removed_becomes_a_user() {
    let users = Users::with(&[("ended_at", number(1)), ("expires_at", number(5))]).await;
    let made = sent(users.enrol("a", 2).return_values(ReturnValue::AllNew)).await.unwrap().unwrap();
    assert!(!made.contains_key("expires_at") && made.contains_key("ended_at"));
}

#[tokio::test]
async fn a_failed_condition_returns_the_item_as_it_stands() {
    let users = Users::with(&[("ended_at", number(7)), ("sessions", set(&["a"]))]).await;
    let old = sent(users.enrol("b", 7)).await.unwrap_err().unwrap();
    assert_eq!((members(&old), &old["ended_at"]), (BTreeSet::from(["a"]), &number(7)));
}

#[tokio::test]
async fn a_failed_condition_without_an_item_returns_none() {
    let users = Users::new().await;
    let update = users.update("DELETE #sessions :gone").condition_expression("attribute_exists(id)");
    assert_eq!(sent(update.expression_attribute_values(":gone", set(&["a"]))).await, Err(None));
    assert_eq!(users.read().await, None);
}

#[tokio::test]
async fn a_failed_put_returns_the_item_as_it_stands() {
    let users = Users::with(&[("ended_at", number(7)), ("token_hash", text("t"))]).await;
    let put = users.put().set_item(Some(users.item(&[]))).condition_expression(OPEN);
    let put = put.expression_attribute_values(":now", number(1)).expression_attribute_values(":began", number(7));
    let error = put.send().await.unwrap_err().into_service_error();
    let PutItemError::ConditionalCheckFailedException(failed) = error else { panic!("{error:?}") };
    assert_eq!(failed.item.unwrap()["ended_at"], number(7));
}

#[tokio::test]
async fn a_comparison_with_what_does_not_exist_does_not_hold() {
    // As in OPEN: a live session has no `ended_at`.
    let users = Users::with(&[("token_hash", text("t")), ("expires_at", number(9))]).await;
    let put = users.put().set_item(Some(users.item(&[]))).condition_expression(OPEN);
    let put = put.expression_attribute_values(":now", number(1)).expression_attribute_values(":began", number(5));
    assert!(put.send().await.unwrap_err().into_service_error().is_conditional_check_failed_exception());
}

#[tokio::test]
async fn numbers_are_compared_as_numbers() {
    let users = Users::with(&[("ended_at", number(9))]).await;
    assert!(sent(users.enrol("a", 10)).await.is_ok());
}

#[tokio::test]
async fn deleting_members_keeps_the_others() {
    let users = Users::with(&[("sessions", set(&["a", "b", "c"]))]).await;
    let update = users.update("DELETE #sessions :gone").return_values(ReturnValue::AllNew);
    let left = sent(update.expression_attribute_values(":gone", set(&["a", "c", "d"]))).await.unwrap().unwrap();
    assert_eq!(members(&left), BTreeSet::from(["b"]));
}

#[tokio::test]
async fn deleting_the_last_member_removes_the_attribute() {
    let users = Users::with(&[("id", text("i")), ("sessions", set(&["a"]))]).await;
    let update = users.update("DELETE #sessions :gone").return_values(ReturnValue::AllNew);
    let left = sent(update.expression_attribute_values(":gone", set(&["a"]))).await.unwrap().unwrap();
    assert!(!left.contains_key("sessions"));
}

#[tokio::test]
async fn set_and_delete_are_one_write() {
    let users = Users::with(&[("id", text("i")), ("sessions", set(&["a", "b"]))]).await;
    let take_out = || {
        users
            .update("SET gone_at = :newest DELETE #sessions :members")
            .condition_expression(TAKE_OUT)
            .expression_attribute_values(":newest", number(3))
            .expression_attribute_values(":ahead", number(1_000))
            .expression_attribute_values(":members", set(&["a"]))
    };
    assert!(sent(take_out()).await.is_ok());
    let left = users.read().await.unwrap();
    assert_eq!((members(&left), &left["gone_at"]), (BTreeSet::from(["b"]), &number(3)));
    assert!(sent(take_out()).await.is_err(), "the same time again");
}

#[tokio::test]
async fn contains_finds_whole_members_only() {
    let users = Users::with(&[("sessions", set(&["1#abc"]))]).await;
    for (member, expected) in [("1#abc", true), ("1#ab", false), ("abc", false)] {
        let update = users.update("SET touched = :one").condition_expression(MEMBER);
        let update = update.expression_attribute_values(":member", text(member));
        let held = sent(update.expression_attribute_values(":one", number(1))).await.is_ok();
        assert_eq!(held, expected, "{member}");
    }
}

#[tokio::test]
async fn contains_does_not_hold_without_the_set() {
    let users = Users::new().await;
    let door = users
        .update("SET ended_at = :at")
        .condition_expression(DOOR)
        .expression_attribute_values(":member", text("a"))
        .expression_attribute_values(":at", number(5))
        .expression_attribute_values(":ahead", number(1_000));
    assert_eq!(sent(door).await, Err(None));
}

/// Whether the tombstone of a user whose set is `there` takes the place of one whose set was `seen`.
async fn wipes(there: &[&str], seen: &[&str]) -> bool {
    let mut attributes = vec![("id", text("i")), ("ended_at", number(5))];
    if !there.is_empty() {
        attributes.push(("sessions", set(there)));
    }
    let users = Users::with(&attributes).await;
    let wipe = users
        .put()
        .set_item(Some(users.item(&[("ended_at", number(5))])))
        .condition_expression(WIPE)
        .expression_attribute_names("#sessions", "sessions")
        .expression_attribute_values(":seen", set(seen))
        .expression_attribute_values(":at", number(5));
    let wiped = wipe.send().await.is_ok();
    assert_eq!(users.read().await.unwrap().contains_key("id"), !wiped);
    wiped
}

#[tokio::test]
async fn sets_are_equal_in_any_order() {
    assert!(wipes(&["a", "b", "c"], &["c", "a", "b"]).await);
}

#[tokio::test]
async fn a_set_does_not_equal_its_subset_or_superset() {
    assert!(!wipes(&["a", "b"], &["a"]).await);
    assert!(!wipes(&["a"], &["a", "b"]).await);
}

#[tokio::test]
async fn a_set_does_not_equal_what_does_not_exist() {
    assert!(!wipes(&[], &["a"]).await);
}

#[tokio::test]
async fn a_tombstone_has_no_id_for_attribute_exists() {
    let users = Users::with(&[("ended_at", number(5))]).await;
    let update = users.update("DELETE #sessions :gone").condition_expression("attribute_exists(id)");
    let old = sent(update.expression_attribute_values(":gone", set(&["a"]))).await.unwrap_err();
    assert!(old.is_some_and(|old| old.contains_key("ended_at")));
}

#[tokio::test]
async fn attribute_not_exists_holds_for_an_attribute_that_a_tombstone_lacks() {
    let users = Users::with(&[("ended_at", number(5))]).await;
    // `gone_at` is not there, `ended_at` is older than the login.
    assert!(sent(users.enrol("a", 6)).await.is_ok());
}
