//! See `huaweicloud_sms_fuzz::request`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(request);
