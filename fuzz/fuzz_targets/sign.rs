//! See `huaweicloud_sms_fuzz::sign`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(sign);
