//! Pickles and tensors that request more than their file can contain.

use crate::checkpoint::archive::checkpoint;
use crate::checkpoint::open;
use crate::checkpoint::pickle::{Pickle, one_tensor};

/// Checks the error for a pickle over one storage of six values.
fn check(pickle: &[u8], expected: &str) {
    let message = crate::checkpoint::message_for(&checkpoint(pickle, &[&[0.0; 6]]));
    let problem = message.strip_prefix("`x.pt` is invalid: ").unwrap();
    assert_eq!(problem.split(" (byte").next().unwrap(), expected);
}

#[test]
fn rejects_lengths_beyond_the_pickle() {
    // The stop instruction of one byte follows.
    for (instruction, expected) in [
        (&b"\x8b\xff\xff\xff\x7f"[..], "2147483647 bytes expected, 1 left"),
        (b"\x8a\xff", "255 bytes expected, 1 left"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 bytes expected, 1 left"),
        (b"\x8d\0\0\0\0\0\0\0\x80", "9223372036854775808 bytes expected, 1 left"),
        (b"\x96\0\0\0\0\x01\0\0\0", "4294967296 bytes expected, 1 left"),
        (b"X\xff\xff\xff\xff", "4294967295 bytes expected, 1 left"),
        (b"\x95\xff\xff\xff\xff\0\0\0\0", "4294967295 bytes expected, 1 left"),
        (b"cos", "a line has no end"),
    ] {
        check(&Pickle::new().raw(instruction).stop(), expected);
    }
}

#[test]
fn rejects_invalid_stack_operations() {
    for (instructions, expected) in [
        (&b""[..], "its pickle pops from an empty stack"),
        (b"0", "its pickle pops from an empty stack"),
        (b"K\x01(", "its pickle pops from an empty stack"),
        (b"t", "its pickle refers to a mark that is not set"),
        (b"h\x05", "its pickle recalls 5, which is not in the memo"),
        (b"q\x00", "its pickle reads from an empty stack"),
        (b"N(u", "its pickle sets keys of none"),
        (b"}(Nu", "its pickle sets a key without a value"),
        (b"}Na", "its pickle appends to a dictionary of 0"),
        (b"X\x02\0\0\0\xff\xfe", "a text in its pickle is not UTF-8"),
        (b"\xfe", "its pickle has an unknown instruction 0xfe"),
        (b"\x80\x06", "its pickle has protocol 6; the highest supported is 5"),
        (b"K\x01", "it contains 1; expected a dictionary of weights"),
        (b"}", "no tensors found"),
    ] {
        check(&Pickle::new().raw(instructions).stop(), expected);
    }
    check(b"\x80\x02}", "1 bytes expected, 0 left");
}

#[test]
fn nesting_and_cycles_cost_neither_stack_nor_time() {
    let nested: [(&[u8], &str); 4] = [
        (b"\x85", "it contains a tuple of 1; expected a dictionary of weights"),
        (b"]\x94a", "its pickle appends to none"),
        (b"(", "its pickle pops from an empty stack"),
        (b"2", "it contains none; expected a dictionary of weights"),
    ];
    for (instruction, expected) in nested {
        check(&Pickle::new().raw(b"N").raw(&instruction.repeat(500_000)).stop(), expected);
    }
    // A dictionary that contains itself under the key of the weights.
    check(
        &Pickle::new().raw(b"}q\0").text("model").raw(b"h\0s").stop(),
        "no tensors found; it contains `model` (a dictionary of 1)",
    );
}

#[test]
fn limits_the_number_of_instructions() {
    check(
        &Pickle::new().raw(&b"N0".repeat(1_000_001)).stop(),
        "its pickle has more than 2000000 instructions",
    );
}

#[test]
fn does_not_copy_long_argument_tuples() {
    let mut pickle = Pickle::new();
    pickle.raw(b"(").raw(&b"N".repeat(1000)).raw(b"tq\0");
    check(
        &pickle.global("collections", "OrderedDict").raw(b"h\0R").stop(),
        "`collections.OrderedDict` is called with 1000 arguments, or with wrong types",
    );
}

#[test]
fn rejects_tensors_beyond_their_storage() {
    let check_tensor = |first: i64, shape: &[i64], strides: &[i64]| {
        let expected = format!(
            "a tensor with first {first}, shape {shape:?} and strides {strides:?} exceeds its storage of 6 elements"
        );
        check(&one_tensor(6, first, shape, strides), &expected);
    };
    check_tensor(0, &[7], &[1]);
    check_tensor(6, &[1], &[1]);
    check_tensor(1, &[2, 3], &[3, 1]);
    check_tensor(0, &[2], &[6]);
    check_tensor(i64::MAX, &[2], &[i64::MAX]);
    check_tensor(0, &[i64::MAX, i64::MAX], &[1, 1]);
    check_tensor(0, &[i64::MAX, i64::MAX, 0], &[0, 0, 0]);
    check_tensor(0, &[1 << 32, 1 << 32], &[0, 0]);
}

#[test]
fn rejects_negative_or_inconsistent_shapes() {
    for (first, shape, strides) in
        [(-1, [1].as_slice(), [1].as_slice()), (0, &[-1], &[1]), (5, &[2], &[-1])]
    {
        let expected = format!(
            "a tensor has first {first}, shape {shape:?} and strides {strides:?}; expected no negative values"
        );
        check(&one_tensor(6, first, shape, strides), &expected);
    }
    check(&one_tensor(6, 0, &[2], &[1, 1]), "a tensor has 1 axes and 2 strides");
    check(&one_tensor(6, 0, &[1; 65], &[1; 65]), "a tensor has 65 axes");
}

#[test]
fn limits_the_size_of_expanded_tensors() {
    let bytes = |n: i64| checkpoint(&one_tensor(6, 0, &[n], &[0]), &[&[0.5; 6]]);
    assert_eq!(open(&bytes(24)).unwrap().read("w").unwrap().values, [0.5; 24]);
    for n in [25, 1 << 40] {
        check(
            &one_tensor(6, 0, &[n], &[0]),
            &format!("its tensors have {n} elements in storages of 24 bytes"),
        );
    }
}

#[test]
fn rejects_storages_of_another_length() {
    check(&one_tensor(5, 0, &[5], &[1]), "its storage `0` has 24 bytes; its tensors need 20");
    check(&one_tensor(7, 0, &[7], &[1]), "its storage `0` has 24 bytes; its tensors need 28");
    let elsewhere =
        Pickle::new().raw(b"}").text("w").tensor(("../0", 6), 0, &[6], &[1]).raw(b"s").stop();
    check(&elsewhere, "its storage `../0` is missing");
}

#[test]
fn names_are_unique_and_short() {
    let mut pickle = Pickle::new();
    pickle.raw(b"}");
    for _ in 0..2 {
        pickle.text("w").tensor(("0", 6), 0, &[6], &[1]).raw(b"s");
    }
    check(&pickle.stop(), "it contains `w` twice");
    let long = "w".repeat(513);
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text(&long).tensor(("0", 6), 0, &[6], &[1]).raw(b"s");
    let shown = "w".repeat(100);
    check(&pickle.stop(), &format!("the name `{shown}…` has 513 bytes; the maximum is 512"));
}
